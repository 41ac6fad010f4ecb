package main

import (
	"bytes"
	_ "embed" // of the template
	"fmt"
	"strings"
	"text/template"
)

//go:embed krew.yaml.tmpl
var krewTemplate string

// OS is the operating system, as krew calls it.
func (p platform) OS() string { return p.os }

// Arch is the machine, as krew calls it.
func (p platform) Arch() string { return p.arch }

// krew is the manifest by which krew installs the archives, which are found at an address.
func krew(version, url string, archives []archive) ([]byte, error) {
	t, err := template.New("krew").Option("missingkey=error").Parse(krewTemplate)
	if err != nil {
		return nil, fmt.Errorf("read the manifest for krew: %w", err)
	}
	if !strings.HasPrefix(version, "v") { // krew wants it so
		version = "v" + version
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]any{"Version": version, "URL": strings.TrimSuffix(url, "/"), "Archives": archives})
	return out.Bytes(), err
}
