// Package control is how one speaks with a running test cluster from outside its namespaces: the
// files by which it is found, and the requests that its control socket answers.
package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// State is what a cluster's folder says about it, in the file cluster.json: all that the supervisor
// needs to start, and all that others need to use it.
type State struct {
	// Dir is the cluster's folder, absolute.
	Dir string `json:"dir"`
	// Logs is where components and containers log.
	Logs string `json:"logs"`
	// Nodes are the names of the Nodes.
	Nodes []string `json:"nodes"`
	// Tools are the paths of the pinned tools by name.
	Tools map[string]string `json:"tools"`
	// Attached clusters end with the process that started them and leave no folder behind.
	Attached bool `json:"attached"`
	// Addresses on this machine's loopback.
	APIServer  string `json:"apiServer"`
	Prometheus string `json:"prometheus"`
	Metrics    string `json:"metrics"`
	// Pid and Birth (in clock ticks since the machine's) identify the first process of the cluster.
	Pid   int    `json:"pid,omitempty"`
	Birth string `json:"birth,omitempty"`
}

// Kubeconfig is the administrator's, for use outside the cluster.
func (s State) Kubeconfig() string { return filepath.Join(s.Dir, "kubeconfig") }

// Bin is the folder of tools, to be put into a PATH.
func (s State) Bin() string { return filepath.Join(s.Dir, "bin") }

// Images is the folder of programs that stand for images.
func (s State) Images() string { return filepath.Join(s.Dir, "images") }

// PKI is the folder of certificates and of the components' kubeconfigs.
func (s State) PKI() string { return filepath.Join(s.Dir, "pki") }

func (s State) socket() string    { return filepath.Join(s.Dir, "control.sock") }
func stateFile(dir string) string { return filepath.Join(dir, "cluster.json") }
func lockFile(dir string) string  { return filepath.Join(dir, "lock") }

// Save writes the state into the folder.
func (s State) Save() error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode cluster state: %w", err)
	}
	temporary := stateFile(s.Dir) + ".new"
	if err := os.WriteFile(temporary, append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("write cluster state: %w", err)
	}
	return os.Rename(temporary, stateFile(s.Dir))
}

// ErrNoCluster says that a folder holds no cluster.
var ErrNoCluster = errors.New("there is no cluster")

// Load reads the state of the cluster in dir.
func Load(dir string) (State, error) {
	var s State
	content, err := os.ReadFile(stateFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("%w in %s", ErrNoCluster, dir)
	}
	if err != nil {
		return s, fmt.Errorf("read cluster state: %w", err)
	}
	if err := json.Unmarshal(content, &s); err != nil {
		return s, fmt.Errorf("decode cluster state in %s: %w", dir, err)
	}
	return s, nil
}
