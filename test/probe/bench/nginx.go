package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// findNginx is the program nginx: that of this machine, or Debian's package, unpacked and not installed.
func findNginx(ctx context.Context, dir string) (string, error) {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path, nil
	}
	for _, command := range [][]string{{"apt-get", "download", "nginx"}, {"sh", "-c", "dpkg-deb -x nginx_*.deb ."}} {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("get nginx by %q: %w\n%s", command, err, out)
		}
	}
	return filepath.Join(dir, "usr/sbin/nginx"), nil
}

// nginxConf has it be a proxy as its own documents advise: one worker, connections to the application kept.
const nginxConf = `
user root;
daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  upstream application {
    server 127.0.0.1:%[3]d;
    keepalive 2000;
  }
  server {
    listen 127.0.0.1:%[2]d;
    keepalive_requests 100000000;
    location / {
      proxy_pass http://application;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }
  }
}
`

// configure writes how nginx listens at a port in front of target, and returns its command.
func configure(program, dir string, port, target int) ([]string, error) {
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginxConf, dir, port, target), 0o600); err != nil {
		return nil, err
	}
	return []string{program, "-p", dir, "-c", file, "-e", filepath.Join(dir, "error.log")}, nil
}
