// Does what `promises.py` asks for.
package main

import (
	crypto "crypto/rand"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"time"
)

type Skill struct{}

func crash() {
	panic("it broke")
}

func (Skill) Probe(what string) (string, error) {
	switch what {
	case "out":
		fmt.Println("to", "out")
	case "err":
		fmt.Fprintln(os.Stderr, "to err")
	case "unfinished":
		fmt.Print("no line break")
	case "tab":
		fmt.Println("a\tb")
	case "print and crash":
		fmt.Print("before")
		crash()
	case "crash":
		crash()
	case "fail":
		return "", errors.New("mine")
	case "time":
		return fmt.Sprint(time.Now().Unix()), nil
	case "random":
		return fmt.Sprint(rand.Float64(), crypto.Text()), nil
	}
	return "done", nil
}
