package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"holdfast.dev/holdfast/test/cluster"
)

// helm is for shells; scenarios in Go get it at its first use.
func helm(ctx context.Context, flags *flag.FlagSet, args []string) error {
	dir := dirFlag(flags)
	_ = flags.Parse(args)
	c, err := cluster.Attach(*dir)
	if err != nil {
		return err
	}
	for _, version := range []int{cluster.Helm3, cluster.Helm4} {
		if err := c.ProvideHelm(ctx, version, os.Stdout); err != nil {
			return err
		}
	}
	fmt.Println(c.Bin("helm3"))
	fmt.Println(c.Bin("helm4"))
	return nil
}
