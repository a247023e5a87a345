// A skill in Go that uses the standard library as if it ran on a computer, and reports how far it got.
package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"
	"unsafe"
)

func main() {}

type attempt struct {
	what string
	try  func() (any, error)
}

var attempts = []attempt{
	{"read a file", func() (any, error) { return os.ReadFile("/etc/passwd") }},
	{"list a folder", func() (any, error) { return os.ReadDir("/") }},
	{"create a file", func() (any, error) { return os.Create("made-by-the-probe.txt") }},
	{"connect", func() (any, error) { return net.DialTimeout("tcp", "127.0.0.1:80", time.Second) }},
	{"fetch", func() (any, error) { return http.Get("http://127.0.0.1/") }},
	{"run a program", func() (any, error) { return nil, exec.Command("/bin/true").Run() }},
	{"count arguments", func() (any, error) { return len(os.Args), nil }},
	{"count the environment", func() (any, error) { return len(os.Environ()), nil }},
	{"read stdin", func() (any, error) { return readStdin() }},
	{"read the clock", func() (any, error) { return time.Now().Year() > 2020, nil }},
	{"draw bytes", func() (any, error) { return rand.Text() != rand.Text(), nil }},
}

func readStdin() (string, error) {
	text, err := io.ReadAll(os.Stdin)
	return string(text), err
}

type loweredAttempt struct {
	what      loweredString
	succeeded bool
	text      loweredString
}

//go:wasmexport origins:go-probe/probe@2.0.0#look
func look() unsafe.Pointer {
	var lowered []loweredAttempt
	for _, attempt := range attempts {
		got, err := attempt.try()
		text := fmt.Sprint(got)
		if err != nil {
			text = err.Error()
		}
		lowered = append(lowered, loweredAttempt{lower(attempt.what), err == nil, lower(text)})
	}
	return result(lowerList(lowered))
}

//go:wasmexport origins:go-probe/probe@2.0.0#echo
func echo(data unsafe.Pointer, length uint32) unsafe.Pointer {
	return result(lower(lift(data, length)))
}

//go:wasmexport origins:go-probe/probe@2.0.0#parse
func parse(data unsafe.Pointer, length uint32) unsafe.Pointer {
	number, err := strconv.ParseInt(lift(data, length), 10, 64)
	if err != nil {
		return result(struct {
			tag uint64
			err loweredString
		}{1, lower(err.Error())})
	}
	return result(struct {
		tag    uint64
		number int64
	}{0, number})
}

//go:wasmexport origins:go-probe/probe@2.0.0#fibonacci
func fibonacci(count uint32) unsafe.Pointer {
	numbers := make(chan uint64)
	go func() {
		defer close(numbers)
		a, b := uint64(0), uint64(1)
		for range count {
			numbers <- a
			a, b = b, a+b
		}
	}()
	var list []uint64
	for number := range numbers {
		list = append(list, number)
	}
	return result(lowerList(list))
}

//go:wasmexport origins:go-probe/probe@2.0.0#print
func print(data unsafe.Pointer, length uint32) {
	line := lift(data, length)
	fmt.Println("out:", line)
	fmt.Fprintln(os.Stderr, "err:", line)
}

//go:wasmexport origins:go-probe/probe@2.0.0#fail
func fail(data unsafe.Pointer, length uint32) {
	panic(lift(data, length))
}
