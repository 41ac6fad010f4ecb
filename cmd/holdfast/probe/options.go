package probe

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"holdfast.dev/holdfast/internal/probe"
)

// Options are the flags of holdfast probe.
type Options struct {
	ports       []string
	metricsPort int32
	drain       time.Duration

	measured []probe.Port
}

// AddFlags declares every flag; docs/reference/flags.md is made from it.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&o.ports, "port", nil,
		"a port to measure, as NAME=LISTEN:TARGET/PROTOCOL: what comes at LISTEN goes to TARGET of the same pod; PROTOCOL is Auto, or TCP for what is not to be read; once for each port")
	fs.Int32Var(&o.metricsPort, "metrics-port", probe.MetricsPort, "the port that serves /metrics and /healthz")
	fs.DurationVar(&o.drain, "drain", 30*time.Second,
		"how long it goes on after it was told to end, if the application is still there; without the application it ends when the last answer is sent")
}

// Validate says which flag is wrong, and how it should be.
func (o *Options) Validate() error {
	if len(o.ports) == 0 {
		return errors.New("--port is missing; write which port to measure, such as --port=http=15100:8080/Auto")
	}
	if o.metricsPort < 1 || o.metricsPort > 65535 {
		return fmt.Errorf("--metrics-port is %d; it must be from 1 to 65535", o.metricsPort)
	}
	if o.drain < 0 {
		return fmt.Errorf("--drain is %s; it must not be less than 0", o.drain)
	}
	o.measured = nil
	names, taken := map[string]bool{}, map[int32]string{o.metricsPort: "--metrics-port"}
	for _, text := range o.ports {
		p, err := probe.ParsePort(text)
		switch {
		case err != nil:
			return fmt.Errorf("--port: %w", err)
		case names[p.Name]:
			return fmt.Errorf("--port %s: there are two of the name %s", text, p.Name)
		case taken[p.Listen] != "":
			return fmt.Errorf("--port %s: %d is that of %s already", text, p.Listen, taken[p.Listen])
		case p.Listen == p.Target:
			return fmt.Errorf("--port %s: the application listens there itself; choose another port in place of the first %d", text, p.Listen)
		}
		names[p.Name], taken[p.Listen] = true, "--port "+text
		o.measured = append(o.measured, p)
	}
	return nil
}
