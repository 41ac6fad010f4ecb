package main

import (
	"context"
	"flag"
	"os"

	"holdfast.dev/holdfast/test/cluster"
)

// certManager is for shells; scenarios in Go call CertManager themselves.
func certManager(ctx context.Context, flags *flag.FlagSet, args []string) error {
	dir := dirFlag(flags)
	_ = flags.Parse(args)
	c, err := cluster.Attach(*dir)
	if err != nil {
		return err
	}
	_, err = c.CertManager(ctx, os.Stdout)
	return err
}
