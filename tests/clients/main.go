// Promises that Go's standard library is client enough: list, call, read the report. Run it with `go run main.go`; it
// needs $RINGFENCE_URL and $RINGFENCE_TOKEN.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
)

// Skills is a page of the list.
type Skills struct {
	Skills []struct{ Name, Version, State string }
	Next   string
}

// Stats is what the tool `analyze` of text-stats gives.
type Stats struct {
	Words       int
	UniqueWords int `json:"unique-words"`
	Sentences   int
}

// Report is how a run ended. The value is there only when it completed.
type Report struct {
	Run, Skill, Tool, Outcome string
	Value                     *Stats
	Usage                     struct{ Fuel uint64 }
}

// Problem is what comes back when there was no run.
type Problem struct {
	Status                int
	Code, Detail, Pointer string
}

func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// ask sends a request and reads its answer, which is a Problem from status 400 on.
func ask(method, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, os.Getenv("RINGFENCE_URL")+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("RINGFENCE_TOKEN"))
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 400 {
		problem := &Problem{}
		if err := json.NewDecoder(response.Body).Decode(problem); err != nil {
			return fmt.Errorf("%s without a problem document: %w", response.Status, err)
		}
		return problem
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("main.go: ")

	var list Skills
	if err := ask("GET", "/v1/skills", nil, &list); err != nil {
		log.Fatal(err)
	}
	found := false
	for _, skill := range list.Skills {
		found = found || skill.Name == "text-stats" && skill.State == "ready"
	}
	if !found {
		log.Fatalf("text-stats is not ready: %+v", list)
	}

	const path = "/v1/skills/text-stats/tools/analyze"
	var report Report
	input := map[string]any{"text": "Good fences make good neighbours. Mend them."}
	if err := ask("POST", path, input, &report); err != nil {
		log.Fatal(err)
	}
	if report.Outcome != "completed" || *report.Value != (Stats{Words: 7, UniqueWords: 6, Sentences: 2}) {
		log.Fatalf("not what the text is: %+v", report)
	}
	if report.Usage.Fuel == 0 {
		log.Fatalf("it cost nothing: %+v", report)
	}

	err := ask("POST", path, map[string]any{"text": 7}, &report)
	problem, ok := err.(*Problem)
	if !ok || problem.Code != "input-mismatch" || problem.Pointer != "/text" {
		log.Fatalf("not refused for its input: %v", err)
	}
}
