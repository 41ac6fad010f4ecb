// Command bench measures what the probe costs, beside nginx of Debian as a proxy and that of Go's standard
// library, in one run and in turns, in front of the same application.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

var (
	source = flag.String("source", "..", "the folder of Holdfast's source")
	rounds = flag.Int("rounds", 10, "how many turns each of them has")
	turn   = flag.Duration("turn", 2*time.Second, "how long a turn is")
	rate   = flag.Int("rate", 1000, "requests a second that latency is measured at")
	only   = flag.String("only", "", "measure only this: idle, latency, throughput or crowd")
	core   = flag.Int("core", 1, "the core that proxies have to themselves; -1 is any")
)

// Ports of the machine that it takes.
const (
	applicationPort = 25080
	nginxPort       = 25081
	probePort       = 25082
	metricsPort     = 25083
	standardPort    = 25084
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "application" {
		fmt.Fprintln(os.Stderr, serveApplication(os.Args[2]))
		os.Exit(1)
	}
	if len(os.Args) > 3 && os.Args[1] == "standard" {
		fmt.Fprintln(os.Stderr, serveStandard(os.Args[2], os.Args[3]))
		os.Exit(1)
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := measure(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure starts all, measures and prints.
func measure(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "holdfast-bench-probe-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, stop := context.WithCancel(ctx)
	proxies, application, err := begin(ctx, dir)
	defer func() {
		stop()
		for _, p := range append(proxies, application) {
			if p != nil {
				_ = p.cmd.Wait()
			}
		}
	}()
	if err != nil {
		return err
	}
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf("load of the machine before: %s\n", strings.Join(strings.Fields(string(load))[:3], " "))
	for _, part := range []struct {
		name    string
		measure func() error
	}{
		{"idle", func() error { return idle(ctx, proxies) }},
		{"latency", func() error { return latency(ctx, application, proxies) }},
		{"throughput", func() error {
			return errors.Join(throughput(ctx, proxies, 1<<10), throughput(ctx, proxies, 100<<10))
		}},
		{"crowd", func() error { return crowd(ctx, proxies) }},
	} {
		if *only == "" || *only == part.name {
			if err := part.measure(); err != nil {
				return fmt.Errorf("%s: %w", part.name, err)
			}
		}
	}
	return nil
}

// begin starts the application and what is measured in front of it.
func begin(ctx context.Context, dir string) (proxies []*process, application *process, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	holdfast := filepath.Join(dir, "holdfast")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", holdfast, "./cmd/holdfast")
	build.Dir, build.Env = *source, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("build holdfast: %w\n%s", err, out)
	}
	program, err := findNginx(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	nginx, err := configure(program, dir, nginxPort, applicationPort)
	if err != nil {
		return nil, nil, err
	}
	if application, err = start(ctx, "application", -1, applicationPort, self, "application", fmt.Sprint(applicationPort)); err != nil {
		return nil, nil, err
	}
	for _, c := range []struct {
		name    string
		port    int
		command []string
	}{
		{"nginx", nginxPort, nginx},
		{"probe", probePort, []string{holdfast, "probe", fmt.Sprintf("--port=http=%d:%d/Auto", probePort, applicationPort), fmt.Sprintf("--metrics-port=%d", metricsPort), "--drain=1s"}},
		{"ReverseProxy", standardPort, []string{self, "standard", fmt.Sprint(standardPort), fmt.Sprint(applicationPort)}},
	} {
		p, err := start(ctx, c.name, *core, c.port, c.command...)
		if err != nil {
			return proxies, application, err
		}
		proxies = append(proxies, p)
	}
	return proxies, application, nil
}

// inTurns has each of some processes its turn in every round, in another order each time.
func inTurns(of []*process, do func(*process) error) error {
	for range *rounds {
		for _, i := range rand.Perm(len(of)) { //nolint:gosec // an order
			if err := do(of[i]); err != nil {
				return fmt.Errorf("%s: %w", of[i].name, err)
			}
		}
	}
	return nil
}

// idle measures memory when nothing happens: after each has started, and after it has been used.
func idle(ctx context.Context, proxies []*process) error {
	time.Sleep(2 * time.Second)
	if err := memoryTable("memory, started", proxies); err != nil {
		return err
	}
	for _, p := range proxies {
		if _, err := steady(ctx, p.port, 10, 100, 1<<10, time.Second); err != nil {
			return err
		}
	}
	for _, form := range []string{"text/plain", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"} {
		if err := scrape(ctx, form); err != nil {
			return err
		}
		time.Sleep(time.Second)
		if err := memoryTable("memory, idle after requests and a scrape as "+form[:strings.IndexAny(form+";", ";")], proxies); err != nil {
			return err
		}
	}
	return nil
}

// scrape reads the probe's metrics as Prometheus does.
func scrape(ctx context.Context, form string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/metrics", metricsPort), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", form)
	request.Header.Set("Accept-Encoding", "gzip")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

func memoryTable(title string, proxies []*process) error {
	fmt.Printf("\n| %s | resident | of that no pages of files |\n|---|---|---|\n", title)
	for _, p := range proxies {
		all, anonymous, err := p.memory()
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %.1f MiB | %.1f MiB |\n", p.name, all, anonymous)
	}
	return nil
}

// latency measures it at a steady rate. A quantile is the median of those of all turns, for a turn may be
// beside something else that the machine does; what is added is a difference of them.
func latency(ctx context.Context, application *process, proxies []*process) error {
	all := append([]*process{application}, proxies...)
	median, ninetyNinth := map[string]times{}, map[string]times{}
	if err := inTurns(all, func(p *process) error {
		t, err := steady(ctx, p.port, 50, *rate, 1<<10, *turn)
		median[p.name] = append(median[p.name], t.quantile(.5))
		ninetyNinth[p.name] = append(ninetyNinth[p.name], t.quantile(.99))
		return err
	}); err != nil {
		return err
	}
	of := func(quantiles map[string]times, name string) float64 {
		sorted := slices.Sorted(slices.Values(quantiles[name]))
		return float64(times(sorted).quantile(.5).Nanoseconds()) / 1e6
	}
	fmt.Printf("\n| %d requests a second, %v | p50 | p99 | added p50 | added p99 | p99 / nginx's |\n|---|---|---|---|---|---|\n", *rate, size(1<<10))
	for _, p := range all {
		p50, p99 := of(median, p.name), of(ninetyNinth, p.name)
		fmt.Printf("| %s | %.3f ms | %.3f ms | %.3f ms | %.3f ms | %.2f |\n", p.name, p50, p99,
			p50-of(median, application.name), p99-of(ninetyNinth, application.name), p99/of(ninetyNinth, "nginx"))
	}
	return nil
}

// throughput is of one core: how many requests are answered in a second of processor time, while there are
// always more.
func throughput(ctx context.Context, proxies []*process, s size) error {
	answered, spent := map[string]int{}, map[string]time.Duration{}
	if err := inTurns(proxies, func(p *process) error {
		before, err := p.processor()
		if err != nil {
			return err
		}
		n, err := busy(ctx, p.port, 32, s, *turn)
		if err != nil {
			return err
		}
		after, err := p.processor()
		answered[p.name] += n
		spent[p.name] += after - before
		return err
	}); err != nil {
		return err
	}
	per := func(name string) float64 { return float64(answered[name]) / spent[name].Seconds() }
	fmt.Printf("\n| always more requests, %v | answered in a second of one core | / nginx's |\n|---|---|---|\n", s)
	for _, p := range proxies {
		fmt.Printf("| %s | %.0f | %.2f |\n", p.name, per(p.name), per(p.name)/per("nginx"))
	}
	return nil
}

// crowd measures memory with 1,000 connections on which something happens.
func crowd(ctx context.Context, proxies []*process) error {
	const connections = 1000
	for i, p := range proxies {
		used := make(chan error, 1)
		go func() {
			_, err := steady(ctx, p.port, connections, *rate, 1<<10, 4*time.Second)
			used <- err
		}()
		var most, anonymous float64
		for under := true; under; {
			select {
			case err := <-used:
				if err != nil {
					return fmt.Errorf("%s: %w", p.name, err)
				}
				under = false
			case <-time.After(100 * time.Millisecond):
				all, own, err := p.memory()
				if err != nil {
					return err
				}
				most, anonymous = max(most, all), max(anonymous, own)
			}
		}
		if i == 0 {
			fmt.Printf("\n| memory, 1,000 connections with %d requests a second, at its peak | resident | of that no pages of files |\n|---|---|---|\n", *rate)
		}
		fmt.Printf("| %s | %.1f MiB | %.1f MiB |\n", p.name, most, anonymous)
	}
	return nil
}
