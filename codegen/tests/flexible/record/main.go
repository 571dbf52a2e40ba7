// Records what Go makes of the templates in ../cases.json: README.md says how it is called.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

type file struct {
	Groups []*group `json:"groups"`
}

type group struct {
	Name      string            `json:"name"`
	Settings  map[string]any    `json:"settings,omitempty"`
	Partials  map[string]string `json:"partials,omitempty"`
	Templates map[string]string `json:"templates,omitempty"`
	Variables map[string]string `json:"variables,omitempty"`
	Cases     []*one            `json:"cases"`
}

type one struct {
	Main string `json:"main"`
	// Go's output; empty where Go has an error.
	Text  *string `json:"text,omitempty"`
	Error string  `json:"error,omitempty"`
}

func main() {
	path := os.Args[1]
	read, err := os.ReadFile(path)
	check(err)
	var all file
	check(json.Unmarshal(read, &all))
	for _, group := range all.Groups {
		for _, one := range group.Cases {
			text, err := render(group, one.Main)
			one.Text, one.Error = nil, ""
			if err != nil {
				one.Error = err.Error()
			} else {
				one.Text = &text
			}
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	check(encoder.Encode(all))
	check(os.WriteFile(path, out.Bytes(), 0o644))
}

// As NewTemplateParser and Parse of krakend-flexibleconfig do it.
func render(group *group, main string) (text string, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	folder, err := os.MkdirTemp("", "record")
	check(err)
	defer os.RemoveAll(folder)
	variables := map[string]any{}
	for name, value := range group.Settings {
		// Once through JSON, so that `set` of one case is not seen by the next.
		written, err := json.Marshal(value)
		check(err)
		var settings map[string]any
		check(json.Unmarshal(written, &settings))
		variables[name] = settings
	}
	for name, value := range group.Variables {
		os.Setenv(name, value)
		defer os.Unsetenv(name)
	}
	functions := sprig.GenericFuncMap()
	functions["marshal"] = func(v any) string { a, _ := json.Marshal(v); return string(a) }
	functions["include"] = func(v any) string { return group.Partials[v.(string)] }
	config := filepath.Join(folder, "gateway.json")
	check(os.WriteFile(config, []byte(main), 0o644))
	parsed, err := template.New("config").Funcs(functions).ParseFiles(config)
	if err != nil {
		return "", err
	}
	names := []string{}
	for name := range group.Templates {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		path := filepath.Join(folder, name)
		check(os.WriteFile(path, []byte(group.Templates[name]), 0o644))
		if parsed, err = parsed.ParseFiles(path); err != nil {
			return "", err
		}
	}
	var out strings.Builder
	err = parsed.ExecuteTemplate(&out, "gateway.json", variables)
	return out.String(), err
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
