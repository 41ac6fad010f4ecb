// Command holdfast is the whole of Holdfast: every replica answers admission
// requests, and one of them, the leader, evaluates.
package main

import (
	"os"
	"time"
	_ "time/tzdata" // freeze windows name time zones, and an image may have none

	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/cmd/holdfast/cli"
)

// version is set when a release is built.
var version = "devel"

func main() {
	os.Exit(cli.Run(ctrl.SetupSignalHandler(), newRoot(time.Now())))
}
