// A skill that gives every kind of type back as it came, with the garbage collector at work all the time, and that uses
// of the standard library what the adapter serves.
package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

type Skill struct{}

// Collections begin everywhere, also while the host allocates parameters.
func init() { debug.SetGCPercent(1) }

func (Skill) Sleepy(milliseconds uint32) bool {
	start := time.Now()
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	return time.Since(start).Milliseconds() >= int64(milliseconds)
}

func (Skill) Noisy(line string) string {
	fmt.Println("out:", line)
	fmt.Fprintln(os.Stderr, "err:", line)
	fmt.Print(strings.Repeat("x", 5000), "\n")
	LogWrite(LogLevelWarn, "warned: "+line)
	three := uint64(3)
	ProgressReport(1, &three, "note")
	ProgressReport(2, nil, "")
	ProgressEmit("chunk")
	left := BudgetRemaining()
	_, inKv := KvGet("x")
	headers := []Tuple2[string, []byte]{{"a", []byte("b")}}
	_, inHttp := HttpFetch(HttpRequest{Method: "GET", Url: "http://x", Headers: headers})
	list, inList := KvList("p", nil, 3)
	_, inSkills := SkillsCallMany([]Tuple2[string, string]{{"a", "b"}})
	return fmt.Sprintln(left.Fuel > 0, left.Milliseconds > 0, left.HostCalls > 0, inKv, inHttp, list, inList, inSkills,
		rand.Text() != rand.Text(), time.Now().Year() > 2020, len(os.Args), len(os.Environ()))
}

func (Skill) Dies(why string) { panic(why) }

func (Skill) Hog(mebibytes uint32) bool {
	const step = 64
	var all [][]byte
	for i := range mebibytes {
		piece := make([]byte, 1<<20)
		for j := 0; j < len(piece); j += step {
			piece[j] = byte(i)
		}
		all = append(all, piece)
		fmt.Println("at", i)
	}
	for i, piece := range all {
		for j := 0; j < len(piece); j += step {
			if piece[j] != byte(i) {
				return false
			}
		}
	}
	return true
}

func (Skill) Bools(v bool, l []bool) Tuple2[bool, []bool] { return Tuple2[bool, []bool]{v, l} }
func (Skill) AllNumbers(v Numbers) Numbers                { return v }
func (Skill) FlatNumbers(a bool, b uint8, c uint16, d uint32, e uint64, f int8, g int16, h int32, i int64, j float32, k float64, l rune, m string) Numbers {
	return Numbers{a, b, c, d, e, f, g, h, i, j, k, l, m}
}
func (Skill) ManyParams(a, b, c, d, e, f, g, h string, i []uint16, j *uint64) []string {
	runtime.GC()
	s := fmt.Sprint(i)
	if j != nil {
		s += fmt.Sprint(*j)
	}
	return []string{a, b, c, d, e, f, g, h, s}
}
func (Skill) Shapes(v []Shape) []Shape { return v }
func (Skill) ShapeFlat(v Shape) Shape  { return v }
func (Skill) Nodes(v []Node) []Node    { return v }
func (Skill) NodeFlat(v Node) Node     { return v }
func (Skill) Opts(v **string, w *uint8) Tuple2[**string, *uint8] {
	return Tuple2[**string, *uint8]{v, w}
}
func (Skill) Results(v Result[uint32, string], w Result[Unit, Unit], x Result[Unit, Colour], y Result[float32, Unit]) Tuple4[Result[uint32, string], Result[Unit, Unit], Result[Unit, Colour], Result[float32, Unit]] {
	return Tuple4[Result[uint32, string], Result[Unit, Unit], Result[Unit, Colour], Result[float32, Unit]]{v, w, x, y}
}
func (Skill) Lists(a []byte, b []uint16, c []int32, d []float64, e []rune, f []string, g [][][]uint32, h []Small) Tuple8[[]byte, []uint16, []int32, []float64, []rune, []string, [][][]uint32, []Small] {
	return Tuple8[[]byte, []uint16, []int32, []float64, []rune, []string, [][][]uint32, []Small]{a, b, c, d, e, f, g, h}
}
func (Skill) Enums(a Many, b Colour, c []Many) Tuple3[Many, Colour, []Many] {
	return Tuple3[Many, Colour, []Many]{a, b, c}
}
func (Skill) OneEnum(a Many) Many { return a }
func (Skill) OneFlags(a Big, b Middle, c Small) Tuple3[Big, Middle, Small] {
	return Tuple3[Big, Middle, Small]{a, b, c | 0x80}
}
func (Skill) OneChar(a rune) rune                                         { return a }
func (Skill) OneF32(a float32) float32                                    { return a }
func (Skill) OneF64(a float64) float64                                    { return a }
func (Skill) OneS64(a int64) int64                                        { return a }
func (Skill) OneU64(a uint64) uint64                                      { return a }
func (Skill) OneS8(a int8) int8                                           { return a }
func (Skill) Alias(a []Tuple2[string, *uint64]) []Tuple2[string, *uint64] { return a }
func (Skill) OnePoint(a Point) Point                                      { return a }
func (Skill) FailText(fail bool, text string) (string, error) {
	if fail {
		return "", errors.New(text)
	}
	return text, nil
}
func (Skill) FailVariant(how *Failure) ([]Point, Failure) {
	if how != nil {
		fmt.Println((*how).Error())
		return nil, *how
	}
	return []Point{{1, 2}}, nil
}
func (Skill) FailRecord(how *Trouble) (uint64, *Trouble) { return 7, how }
func (Skill) FailEnum(how *Colour) *Colour {
	if how != nil {
		fmt.Println(how, how.Error())
	}
	return how
}
func (Skill) FailNone(fail bool) (uint8, bool)          { return 9, !fail }
func (Skill) FailBare(fail bool) bool                   { return !fail }
func (Skill) FailNumber(how *uint64) (float32, *uint64) { return 0.5, how }
func (Skill) EchoNothing()                              {}
func (Skill) SecondNothing() uint8                      { return 2 }
func (Skill) Churn(v []Node, times uint32) []Node {
	done := make(chan int)
	go func() {
		junk := 0
		for i := range times {
			var pile []string
			for j := range 200 {
				pile = append(pile, strings.Repeat("junk", j))
			}
			junk += len(pile)
			if i%8 == 0 {
				runtime.GC()
				LogWrite(LogLevelInfo, strings.Repeat("y", 10))
			}
		}
		done <- junk
	}()
	<-done
	var out []Node
	for _, n := range v {
		n.Name = strings.Clone(n.Name)
		out = append(out, n)
	}
	runtime.GC()
	_ = make([]byte, 1<<20)
	return out
}
func (Skill) BigResult(count uint32) []Numbers {
	var out []Numbers
	for i := range count {
		out = append(out, Numbers{D: i, M: fmt.Sprint("n", i), L: 'x'})
	}
	return out
}
func (Skill) BadText() string { return "a\xffb\xc3" }
func (Skill) BadChar() Tuple2[rune, []rune] {
	return Tuple2[rune, []rune]{0xd800, []rune{-1, 'x', 0x110000}}
}
func (Skill) BadEnum() Many { return 99 }
func (Skill) Type(f string, l uint32, p0 uint8, e string) string {
	return fmt.Sprint(f, l, p0, e)
}
