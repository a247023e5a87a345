// Reckoning by the calendar: how a moment is read, and what lies so many months, days or workdays after it.
package main

import (
	"time"
	// The IANA database, since there are no files to read it from.
	_ "time/tzdata"
)

// Layouts of a moment without and with an offset; a fraction of a second is taken after any seconds.
var (
	locals  = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"}
	offsets = []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02 15:04Z07:00"}
)

func parse(text string, zone *time.Location) (time.Time, DateError) {
	for _, layout := range offsets {
		if at, err := time.Parse(layout, text); err == nil {
			return checked(at, text)
		}
	}
	for _, layout := range locals {
		if at, err := time.Parse(layout, text); err == nil {
			return checked(local(at, zone), text)
		}
	}
	return time.Time{}, DateErrorBadMoment{quoted(text) + ` is no moment like "2026-03-29", "2026-03-29T14:30" or ` +
		`"2026-03-29T14:30:00+02:00"`}
}

func checked(at time.Time, text string) (time.Time, DateError) {
	if at.Year() < 1 || at.Year() > 9999 {
		return at, DateErrorBadMoment{quoted(text) + " is not in the years 1 to 9999"}
	}
	return at, nil
}

// local is the moment at which clocks in the zone show the date and time of `shown`. What they skip is moved forward by
// as much as they skip; of what they show twice it is the first.
func local(shown time.Time, zone *time.Location) time.Time {
	wall := time.Date(shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), shown.Second(),
		shown.Nanosecond(), time.UTC)
	// No zone changes twice within two days.
	_, before := wall.Add(-24 * time.Hour).In(zone).Zone()
	_, after := wall.Add(24 * time.Hour).In(zone).Zone()
	early := wall.Add(time.Duration(-before) * time.Second).In(zone)
	if _, offset := early.Zone(); offset == before {
		return early
	}
	late := wall.Add(time.Duration(-after) * time.Second).In(zone)
	if _, offset := late.Zone(); offset == after {
		return late
	}
	return early
}

// The days of all years, and their months: no result is further away.
const (
	mostDays   = 9999 * 366
	mostMonths = 9999 * 12
)

// addMonths keeps the time of day, and the day if that month has it.
func addMonths(at time.Time, months int64) (time.Time, DateError) {
	if months == 0 {
		return at, nil
	}
	if months > mostMonths || months < -mostMonths {
		return at, DateErrorOutOfRange{}
	}
	index := int64(at.Year())*12 + int64(at.Month()) - 1 + months
	if index < 12 || index >= 10000*12 {
		return at, DateErrorOutOfRange{}
	}
	year, month := int(index/12), time.Month(index%12+1)
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return on(at, year, month, min(at.Day(), last)), nil
}

// addDays keeps the time of day.
func addDays(at time.Time, days int64) (time.Time, DateError) {
	if days == 0 {
		return at, nil
	}
	if days > mostDays || days < -mostDays {
		return at, DateErrorOutOfRange{}
	}
	next := on(at, at.Year(), at.Month(), at.Day()+int(days))
	if next.Year() < 1 || next.Year() > 9999 {
		return at, DateErrorOutOfRange{}
	}
	return next, nil
}

func addWorkdays(at time.Time, count int64) (time.Time, DateError) {
	if count > mostDays || count < -mostDays {
		return at, DateErrorOutOfRange{}
	}
	step := int64(1)
	if count < 0 {
		step, count = -1, -count
	}
	// Whole weeks at once, then day by day.
	days := count / 5 * 7
	weekday := at.Weekday()
	for left := count % 5; left > 0; {
		days++
		weekday = time.Weekday((int64(weekday) + 7 + step) % 7)
		if weekday != time.Saturday && weekday != time.Sunday {
			left--
		}
	}
	// From a weekend, whole weeks end on a weekend: one goes on to the last day of work.
	if count > 0 && count%5 == 0 && (weekday == time.Saturday || weekday == time.Sunday) {
		for weekday == time.Saturday || weekday == time.Sunday {
			days--
			weekday = time.Weekday((int64(weekday) + 7 - step) % 7)
		}
	}
	return addDays(at, step*days)
}

// on is the same time of day on another date.
func on(at time.Time, year int, month time.Month, day int) time.Time {
	return local(time.Date(year, month, day, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.UTC), at.Location())
}

// days is the number of the date, counted from 1970.
func days(at time.Time) int64 {
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400
}

func distance(from, to time.Time) Distance {
	backwards := to.Before(from)
	if backwards {
		from, to = to, from
	}
	months := int64(to.Year()-from.Year())*12 + int64(to.Month()-from.Month())
	at := from
	for ; months > 0; months-- {
		next, err := addMonths(from, months)
		if err == nil && !next.After(to) {
			at = next
			break
		}
	}
	whole := max(days(to)-days(at), 0)
	rest := at
	for ; whole > 0; whole-- {
		next, err := addDays(at, whole)
		if err == nil && !next.After(to) {
			rest = next
			break
		}
	}
	seconds := to.Unix() - rest.Unix()
	if to.Nanosecond() < rest.Nanosecond() {
		seconds--
	}
	total := to.Unix() - from.Unix()
	if to.Nanosecond() < from.Nanosecond() {
		total--
	}
	return Distance{
		Backwards:    backwards,
		Years:        clamp32(months / 12),
		Months:       clamp32(months % 12),
		Days:         clamp32(whole),
		Hours:        clamp32(seconds / 3600),
		Minutes:      clamp32(seconds / 60 % 60),
		Seconds:      clamp32(seconds % 60),
		TotalSeconds: uint64(max(total, 0)),
		TotalDays:    clamp32(days(to) - days(from)),
		Workdays:     clamp32(workdays(days(from), days(to))),
	}
}

// workdays counts the days from Monday to Friday from the first number to before the second.
func workdays(from, to int64) int64 {
	count := (to - from) / 7 * 5
	for day := from + (to-from)/7*7; day < to; day++ {
		// The first of January 1970 was a Thursday.
		if weekday := ((day+4)%7 + 7) % 7; weekday != 0 && weekday != 6 {
			count++
		}
	}
	return count
}
