package main

import (
	"context"
	"flag"
	"os"

	"holdfast.dev/holdfast/test/cluster"
)

func skipper(ctx context.Context, flags *flag.FlagSet, args []string) error {
	dir := dirFlag(flags)
	_ = flags.Parse(args)
	c, err := cluster.Attach(*dir)
	if err != nil {
		return err
	}
	return c.Skipper(ctx, os.Stdout)
}
