// The default client of net/http, as a program that knows nothing of the host uses it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

type Skill struct{}

func (Skill) Probe(what, site string) (string, error) {
	text, err := probe(what, site)
	if err != nil {
		// The text of the error is the tool's own.
		return "", err
	}
	return text, nil
}

func probe(what, site string) (string, error) {
	switch what {
	case "get":
		return get(site + "/json")
	case "post":
		request, err := http.NewRequest("POST", site+"/echo?q=a%20b", strings.NewReader("body"))
		if err != nil {
			return "", err
		}
		request.Header.Set("X-Probe", "p")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		var echo struct {
			Method  string            `json:"method"`
			Path    string            `json:"path"`
			Body    string            `json:"body"`
			Headers map[string]string `json:"headers"`
		}
		if err := json.NewDecoder(response.Body).Decode(&echo); err != nil {
			return "", err
		}
		return fmt.Sprintf(`{"method":%q,"path":%q,"body":%q,"x-probe":%q}`, echo.Method, echo.Path, echo.Body, echo.Headers["x-probe"]), nil
	case "redirect":
		response, err := http.Get(site + "/redirect")
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		return fmt.Sprintf("%d %s", response.StatusCode, response.Request.URL.Path), nil
	case "missing":
		response, err := http.Get(site + "/nowhere")
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		return fmt.Sprint(response.StatusCode), nil
	case "large":
		text, err := get(site + "/large")
		return fmt.Sprint(len(text)), err
	case "timeout":
		client := http.Client{Timeout: 300 * time.Millisecond}
		_, err := client.Get(site + "/slow")
		if os.IsTimeout(err) {
			return "timed out", nil
		}
		return fmt.Sprint(err), nil
	case "forbidden":
		_, err := http.Get(site + "/forbidden")
		if err != nil && strings.Contains(err.Error(), "no grant allows GET http://127.0.0.2:9/") {
			return "denied", nil
		}
		return fmt.Sprint(err), nil
	}
	return "", errors.New("no such probe")
}

func get(url string) (string, error) {
	response, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return string(content), err
}
