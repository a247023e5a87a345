// The tools of the skill: what they are given is read here, and reckoned with in calendar.go.
package main

import (
	"math"
	"time"
)

// Skill has a method for each tool.
type Skill struct{}

// Convert is the moment in another zone.
func (Skill) Convert(text string, zone, to *string) (Moment, DateError) {
	from, err := location(zone)
	if err != nil {
		return Moment{}, err
	}
	target, err := location(to)
	if err != nil {
		return Moment{}, err
	}
	at, err := parse(text, from)
	if err != nil {
		return Moment{}, err
	}
	return moment(at.In(target))
}

// Add is the moment that lies a span after another.
func (Skill) Add(text string, zone *string, span Span) (Moment, DateError) {
	at, err := read(text, zone)
	if err != nil {
		return Moment{}, err
	}
	at, err = addMonths(at, 12*int64(or(span.Years))+int64(or(span.Months)))
	if err != nil {
		return Moment{}, err
	}
	at, err = addDays(at, 7*int64(or(span.Weeks))+int64(or(span.Days)))
	if err != nil {
		return Moment{}, err
	}
	at, err = addWorkdays(at, int64(or(span.Workdays)))
	if err != nil {
		return Moment{}, err
	}
	for _, part := range []struct{ count, seconds int64 }{
		{or(span.Hours), 3600}, {or(span.Minutes), 60}, {or(span.Seconds), 1},
	} {
		// More than this many seconds are more than all the years there are.
		const most = 1 << 40
		if part.count > most/part.seconds || part.count < -most/part.seconds {
			return Moment{}, DateErrorOutOfRange{}
		}
		at = time.Unix(at.Unix()+part.count*part.seconds, int64(at.Nanosecond())).In(at.Location())
	}
	return moment(at)
}

// Between is the distance from one moment to another.
func (Skill) Between(from, to string, zone *string) (Distance, DateError) {
	first, err := read(from, zone)
	if err != nil {
		return Distance{}, err
	}
	second, err := read(to, zone)
	if err != nil {
		return Distance{}, err
	}
	return distance(first, second), nil
}

const longestSeries = 1000

// Series is the moments at which something comes again.
func (Skill) Series(text string, zone *string, frequency Frequency, every *uint16, count uint16) ([]Moment, DateError) {
	start, err := read(text, zone)
	if err != nil {
		return nil, err
	}
	step := int64(1)
	if every != nil {
		step = int64(*every)
	}
	var series []Moment
	for i := range int64(min(count, longestSeries)) {
		at := start
		switch frequency {
		case FrequencyDaily:
			at, err = addDays(start, i*step)
		case FrequencyWeekly:
			at, err = addDays(start, 7*i*step)
		case FrequencyMonthly:
			at, err = addMonths(start, i*step)
		case FrequencyYearly:
			at, err = addMonths(start, 12*i*step)
		}
		if err != nil {
			return nil, err
		}
		next, err := moment(at)
		if err != nil {
			return nil, err
		}
		series = append(series, next)
	}
	return series, nil
}

func or[T int32 | int64](value *T) T {
	if value == nil {
		return 0
	}
	return *value
}

// read is parse for a moment that stays in the zone in which it is local.
func read(text string, zone *string) (time.Time, DateError) {
	at, err := location(zone)
	if err != nil {
		return time.Time{}, err
	}
	read, err := parse(text, at)
	return read.In(at), err
}

func location(name *string) (*time.Location, DateError) {
	if name == nil {
		return time.UTC, nil
	}
	// To Go these are UTC and the computer's own zone.
	if *name == "" || *name == "Local" {
		return nil, DateErrorBadZone{quoted(*name) + " is no time zone"}
	}
	at, err := time.LoadLocation(*name)
	if err != nil {
		return nil, DateErrorBadZone{quoted(*name) + " is no time zone"}
	}
	return at, nil
}

// moment is what is told of a time, if its year is one.
func moment(at time.Time) (Moment, DateError) {
	if at.Year() < 1 || at.Year() > 9999 {
		return Moment{}, DateErrorOutOfRange{}
	}
	abbreviation, offset := at.Zone()
	year, week := at.ISOWeek()
	return Moment{
		Text:           at.Format(time.RFC3339Nano),
		Zone:           at.Location().String(),
		Abbreviation:   abbreviation,
		OffsetMinutes:  int32(offset / 60),
		DaylightSaving: at.IsDST(),
		Unix:           at.Unix(),
		Weekday:        Weekday((at.Weekday() + 6) % 7),
		DayOfYear:      uint16(at.YearDay()),
		IsoWeek:        digits(year, 4) + "-W" + digits(week, 2),
	}, nil
}

func digits(number, width int) string {
	text := ""
	for ; width > 0 || number > 0; width-- {
		text = string(rune('0'+number%10)) + text
		number /= 10
	}
	return text
}

// quoted is the text for a message: not all of it if it is long.
func quoted(text string) string {
	const most = 60
	if len(text) > most {
		text = text[:most] + "…"
	}
	return `"` + text + `"`
}

func clamp32(number int64) uint32 { return uint32(min(max(number, 0), math.MaxUint32)) }
