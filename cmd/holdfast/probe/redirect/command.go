// Package redirect is the command holdfast probe redirect, by which an init container has the network of its
// pod bring the probe what comes for the application.
package redirect

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast.dev/holdfast/cmd/holdfast/cli"
	"holdfast.dev/holdfast/internal/probe"
)

const about = `holdfast probe redirect writes rules of nftables into the network namespace that
it runs in: connections that come to the ports of an application go to the
probe. What the pod says to itself goes the way it went before, as does what
the probe says to the application. It needs the capability NET_ADMIN. Run once
more it writes the same rules anew, and drops no connection.`

const examples = `  holdfast probe redirect --port=http=15100:8080/Auto --detour=15101:8080`

// Options are the flags of holdfast probe redirect.
type Options struct {
	ports, detours []string

	rules Rules
}

// Rules are what is redirected: connections to a port's target to where the probe listens, and those to where
// a detour begins to its target.
type Rules struct {
	Ports   []probe.Port
	Detours []probe.Detour
}

// Command is the command holdfast probe redirect.
func Command() *cobra.Command {
	var o Options
	c := &cobra.Command{
		Use:     "redirect --port NAME=LISTEN:TARGET/PROTOCOL",
		Short:   "have the network of a pod bring the probe what comes for the application",
		Long:    about,
		Example: examples,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return &cli.Error{Code: cli.Wrong, Err: err}
			}
			families, err := Write(o.rules)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%d ports and %d detours are redirected, of %v\n", len(o.rules.Ports), len(o.rules.Detours), families)
			return nil
		},
	}
	o.AddFlags(c.Flags())
	cli.Explain(c, cli.Wrong)
	return c
}

// AddFlags declares every flag; docs/reference/flags.md is made from it.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&o.ports, "port", nil,
		"a port that is measured, as the probe has it: what comes to TARGET goes to LISTEN; once for each port")
	fs.StringArrayVar(&o.detours, "detour", nil,
		"FROM:TARGET: what comes to FROM, where nobody listens, goes to the application at TARGET, past the probe; for what the kubelet asks")
}

// Validate says which flag is wrong, and how it should be.
func (o *Options) Validate() error {
	if len(o.ports) == 0 {
		return errors.New("--port is missing; write which port to redirect, such as --port=http=15100:8080/Auto")
	}
	o.rules = Rules{}
	from := map[int32]string{}
	take := func(number int32, flag string) error {
		if by := from[number]; by != "" {
			return fmt.Errorf("%s: what comes to %d goes where %s says already", flag, number, by)
		}
		from[number] = flag
		return nil
	}
	for _, text := range o.ports {
		p, err := probe.ParsePort(text)
		if err != nil {
			return fmt.Errorf("--port: %w", err)
		}
		if err := take(p.Target, "--port "+text); err != nil {
			return err
		}
		o.rules.Ports = append(o.rules.Ports, p)
	}
	for _, text := range o.detours {
		d, err := probe.ParseDetour(text)
		if err != nil {
			return fmt.Errorf("--detour: %w", err)
		}
		if err := take(d.From, "--detour "+text); err != nil {
			return err
		}
		o.rules.Detours = append(o.rules.Detours, d)
	}
	return nil
}
