// Command plugin builds kubectl holdfast for several platforms: an archive each, their checksums, and the
// manifest by which krew installs them. The same source, compiler and version give the same bytes.
//
//	plugin -source CHECKOUT -out FOLDER -version v0.1.0
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// options are the flags.
type options struct {
	source, out, version, url string
	platforms                 []platform
}

// platform is what a program is built for.
type platform struct{ os, arch string }

// archive is what people download for a platform.
type archive struct {
	platform
	// File is its name, SHA256 its checksum in hex, Program what it has.
	File, SHA256, Program string
}

func main() {
	var o options
	platforms := flag.String("platforms", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64", "for what machines")
	flag.StringVar(&o.source, "source", ".", "the checkout")
	flag.StringVar(&o.out, "out", "dist", "the folder that gets the archives, SHA256SUMS and holdfast.yaml")
	flag.StringVar(&o.version, "version", "devel", "what the program calls itself")
	flag.StringVar(&o.url, "url", "", "where the archives will be found, without their names; it stands in the manifest for krew (required)")
	flag.Parse()
	if err := o.run(context.Background(), *platforms); err != nil {
		fmt.Fprintln(os.Stderr, "plugin:", err)
		os.Exit(1)
	}
}

func (o options) run(ctx context.Context, platforms string) error {
	if o.url == "" {
		return fmt.Errorf("-url is missing: where the archives will be found, such as https://example.com/holdfast/releases/%s", o.version)
	}
	for text := range strings.SplitSeq(platforms, ",") {
		system, machine, ok := strings.Cut(text, "/")
		if !ok {
			return fmt.Errorf("platform %q is not like linux/amd64", text)
		}
		o.platforms = append(o.platforms, platform{system, machine})
	}
	license, err := os.ReadFile(filepath.Join(o.source, "LICENSE"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o750); err != nil {
		return err
	}
	var all []archive
	var sums strings.Builder
	for _, p := range o.platforms {
		program, err := build(ctx, o.source, o.version, p)
		if err != nil {
			return err
		}
		made, text, err := pack(p, o.version, program, license)
		if err != nil {
			return err
		}
		if err := o.write(made.File, text); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%s  %s\n", made.SHA256, made.File)
		fmt.Println(filepath.Join(o.out, made.File))
		all = append(all, made)
	}
	manifest, err := krew(o.version, o.url, all)
	if err != nil {
		return err
	}
	if err := o.write("holdfast.yaml", manifest); err != nil {
		return err
	}
	return o.write("SHA256SUMS", []byte(sums.String()))
}

func (o options) write(name string, text []byte) error {
	return os.WriteFile(filepath.Join(o.out, name), text, 0o644) //nolint:gosec // to be published
}

// pack makes the archive of a platform: the program, what completes its commands, and the license.
func pack(p platform, version string, program, license []byte) (archive, []byte, error) {
	a := archive{platform: p, Program: "kubectl-holdfast"}
	var text bytes.Buffer
	var err error
	if p.os == "windows" {
		a.Program += ".exe"
		a.File = fmt.Sprintf("kubectl-holdfast_%s_%s_%s.zip", version, p.os, p.arch)
		err = zipped(&text, []file{{a.Program, program, true}, {"LICENSE", license, false}})
	} else {
		a.File = fmt.Sprintf("kubectl-holdfast_%s_%s_%s.tar.gz", version, p.os, p.arch)
		err = tarred(&text, []file{{a.Program, program, true}, {"kubectl_complete-holdfast", []byte(completes), true}, {"LICENSE", license, false}})
	}
	sum := sha256.Sum256(text.Bytes())
	a.SHA256 = hex.EncodeToString(sum[:])
	return a, text.Bytes(), err
}

// completes is what kubectl asks for the completion of a plugin's commands.
const completes = "#!/bin/sh\nexec kubectl-holdfast __complete \"$@\"\n"
