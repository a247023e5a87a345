// Package main implements the tools of wit/skill.wit. `ringfence build` generates the files zz_*.go from the WIT. A missing
// function, or one with another signature, is a compile error.
package main

import (
	"errors"
	"strings"
)

// Skill has a method for each tool.
type Skill struct{}

// Shout returns the text in capitals, followed by exclamation marks; one by default.
func (Skill) Shout(text string, marks *uint8) (string, error) {
	if text == "" {
		return "", errors.New("the text is empty")
	}
	count := 1
	if marks != nil {
		count = int(*marks)
	}
	return strings.ToUpper(text) + strings.Repeat("!", count), nil
}
