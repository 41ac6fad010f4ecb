package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/cluster/build"
	"holdfast.dev/holdfast/test/cluster/control"
	"holdfast.dev/holdfast/test/stage"
)

// stand is a cluster with what is measured, simulated nodes and a Prometheus that makes its samples up.
type stand struct {
	cluster    *cluster.Cluster
	client     client.Client
	clientset  *kubernetes.Clientset
	contenders []contender
	stops      []func() error
}

// close ends all that was started, the last first.
func (s *stand) close() error {
	var errs []error
	for i := len(s.stops) - 1; i >= 0; i-- {
		errs = append(errs, s.stops[i]())
	}
	return errors.Join(errs...)
}

// open attaches to a cluster or starts one, and installs all in it: Holdfast, and the contenders of some
// names.
func open(ctx context.Context, dir string, others []string) (_ *stand, err error) {
	source, err := build.Source()
	if err != nil {
		return nil, err
	}
	s := &stand{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if dir != "" {
		s.cluster, err = cluster.Attach(dir)
	} else if s.cluster, err = cluster.Start(ctx, cluster.Options{Progress: os.Stderr}); err == nil {
		s.stops = append(s.stops, s.cluster.Stop)
	}
	if err != nil {
		return nil, err
	}
	if err := s.connect(); err != nil {
		return nil, err
	}
	s.contenders = []contender{holdfast{s}}
	for _, name := range others {
		s.contenders = append(s.contenders, beside[name](s))
	}
	steps := []func(context.Context, string) error{s.placeMadeUp}
	for _, c := range s.contenders {
		steps = append(steps, c.install)
	}
	for _, step := range append(steps, s.simulateNodes) {
		if err := step(ctx, source); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *stand) connect() error {
	config, err := s.cluster.RESTConfig()
	if err != nil {
		return err
	}
	config.WarningHandler = rest.NoWarnings{}
	scheme, err := stage.Scheme()
	if err != nil {
		return err
	}
	if s.client, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	s.clientset, err = kubernetes.NewForConfig(config)
	return err
}

// placeMadeUp builds the image holdfast.test/madeup.
func (s *stand) placeMadeUp(ctx context.Context, source string) error {
	dir, err := os.MkdirTemp("", "madeup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "madeup")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "./madeup")
	cmd.Dir = filepath.Join(source, "test", "scale")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build madeup: %w\n%s", err, out)
	}
	return build.Place(program, filepath.Join(control.State{Dir: s.cluster.Dir()}.Images(), "madeup"))
}

// place builds a contender's program and puts it in place as its image. It returns the folder of its module.
func (s *stand) place(ctx context.Context, source, program, tools, path string) (module string, err error) {
	built, err := build.Tool(ctx, source, program, os.Stderr)
	if err != nil {
		return "", err
	}
	if err := build.Place(built, filepath.Join(control.State{Dir: s.cluster.Dir()}.Images(), program)); err != nil {
		return "", err
	}
	return build.Module(ctx, source, tools, path)
}

// versionIn is that of a module, which its folder is named by.
func versionIn(module string) string {
	_, version, _ := strings.Cut(filepath.Base(module), "@")
	return version
}

// fake says which nodes are simulated: an annotation for kwok, a label and a taint of the same name.
const fake = "kwok.x-k8s.io/node"

// simulateNodes runs kwok, with the stages of its module, and has it simulate some nodes. It ends with
// this process.
func (s *stand) simulateNodes(ctx context.Context, source string) error {
	program, err := build.Tool(ctx, source, "kwok", os.Stderr)
	if err != nil {
		return err
	}
	module, err := build.Module(ctx, source, "kwok", "sigs.k8s.io/kwok")
	if err != nil {
		return err
	}
	stages, err := filepath.Glob(filepath.Join(module, "kustomize", "stage", "pod", "fast", "pod-*.yaml"))
	if err != nil {
		return err
	}
	for _, stage := range []string{"node/fast/node-initialize.yaml", "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml"} {
		stages = append(stages, filepath.Join(module, "kustomize", "stage", filepath.FromSlash(stage)))
	}
	args := []string{"--kubeconfig=" + s.cluster.Kubeconfig(), "--manage-nodes-with-annotation-selector=" + fake + "=fake", "--node-lease-duration-seconds=40", "--cidr=10.99.0.0/16"}
	for _, stage := range stages {
		args = append(args, "--config="+stage)
	}
	kwok := exec.CommandContext(ctx, program, args...)
	var said bytes.Buffer
	kwok.Stderr, kwok.SysProcAttr = &said, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := kwok.Start(); err != nil {
		return fmt.Errorf("start kwok: %w", err)
	}
	s.stops = append(s.stops, func() error {
		_ = kwok.Process.Kill() // it may have ended
		_ = kwok.Wait()         // killed
		return nil
	})
	for i := range 4 {
		if err := s.client.Create(ctx, fakeNode(i)); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return eventually(ctx, "simulated nodes are Ready", func() (bool, error) {
		if err := kwok.Process.Signal(syscall.Signal(0)); err != nil {
			return false, fmt.Errorf("kwok has ended: %s", said.String())
		}
		var nodes corev1.NodeList
		err := s.client.List(ctx, &nodes, client.MatchingLabels{fake: "fake"})
		ready := 0
		for _, node := range nodes.Items {
			if node.Status.Allocatable.Pods().Value() > 0 {
				ready++
			}
		}
		return ready == 4, err
	})
}

func fakeNode(i int) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("fake-%d", i), Annotations: map[string]string{fake: "fake"}, Labels: map[string]string{fake: "fake"}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: fake, Value: "fake", Effect: corev1.TaintEffectNoSchedule}}},
	}
}

// startOnly has a contender begin anew, with none of the others beside it.
func (s *stand) startOnly(ctx context.Context, c contender) error {
	for _, each := range s.contenders {
		about := each.about()
		if err := s.scale(ctx, about, 0); err != nil {
			return err
		}
		err := eventually(ctx, "no pod of "+about.heading+" is left", func() (bool, error) {
			pods, err := s.clientset.CoreV1().Pods(about.namespace).List(ctx, metav1.ListOptions{LabelSelector: about.labels})
			return err == nil && len(pods.Items) == 0, err
		})
		if err != nil {
			return err
		}
	}
	if err := s.scale(ctx, c.about(), 1); err != nil {
		return err
	}
	return stage.Kubectl(ctx, s.cluster, "", "rollout", "status", "--timeout=2m", "deployment/"+c.about().program, "-n", c.about().namespace)
}

func (s *stand) scale(ctx context.Context, of about, replicas int) error {
	return stage.Kubectl(ctx, s.cluster, "", "scale", "deployment/"+of.program, "-n", of.namespace, fmt.Sprintf("--replicas=%d", replicas))
}
