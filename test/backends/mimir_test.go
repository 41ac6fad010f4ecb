package backends

import (
	"fmt"
	"path/filepath"
	"testing"
)

// mimirServer is a Mimir of one process, and what a Prometheus is configured with to write to it: the series
// of each namespace to the tenant that is called so.
func mimirServer(t *testing.T) (address, remoteWrite string) {
	t.Helper()
	dir, listen := t.TempDir(), freePort(t)
	args := []string{
		"-target=distributor,ingester,querier,query-frontend,query-scheduler,store-gateway",
		"-server.http-listen-address=127.0.0.1", "-server.http-listen-port=" + listen,
		"-server.grpc-listen-address=127.0.0.1", "-server.grpc-listen-port=" + freePort(t),
		"-common.storage.backend=filesystem", "-common.storage.filesystem.dir=" + filepath.Join(dir, "common"),
		"-blocks-storage.filesystem.dir=" + filepath.Join(dir, "blocks"), "-blocks-storage.tsdb.dir=" + filepath.Join(dir, "tsdb"),
		"-blocks-storage.bucket-store.sync-dir=" + filepath.Join(dir, "sync"),
		"-ingester.ring.replication-factor=1", "-ingester.ring.min-ready-duration=0s", "-ingester.ring.final-sleep=0s",
		"-query-frontend.instance-addr=127.0.0.1", "-usage-stats.enabled=false", "-activity-tracker.filepath=",
	}
	for _, ring := range []string{"ingester.ring", "distributor.ring", "store-gateway.sharding-ring", "querier.ring", "query-scheduler.ring"} {
		args = append(args, "-"+ring+".store=inmemory", "-"+ring+".instance-addr=127.0.0.1")
	}
	address = "http://127.0.0.1:" + listen
	start(t, tool(t, "mimir"), address+"/ready", args...)
	for _, tenant := range []string{shop, books} {
		remoteWrite += fmt.Sprintf("- url: %s/api/v1/push\n  headers: {X-Scope-OrgID: %s}\n"+
			"  write_relabel_configs: [{source_labels: [namespace], regex: %[2]s, action: keep}]\n", address, tenant)
	}
	return address + "/prometheus", remoteWrite
}
