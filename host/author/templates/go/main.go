// The tools of {{name}}, as wit/skill.wit has them. `ringfence build` writes the files zz_*.go from it; a function that
// is missing here, or has another signature than there, does not compile.
package main

import (
	"errors"
	"strings"
)

// Skill has a method for each tool.
type Skill struct{}

// Shout is the text in capitals, with exclamation marks after it: one if it is not said how many.
func (Skill) Shout(text string, marks *uint8) (string, error) {
	if text == "" {
		return "", errors.New("there is nothing to shout")
	}
	count := 1
	if marks != nil {
		count = int(*marks)
	}
	return strings.ToUpper(text) + strings.Repeat("!", count), nil
}
