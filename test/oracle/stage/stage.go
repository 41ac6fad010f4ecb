package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/cluster"
)

// Evaluator is the user as whom the oracle releases what is held.
const Evaluator = "system:serviceaccount:holdfast-system:holdfast"

// Stage is a cluster made ready for playing sequences.
type Stage struct {
	cluster   *cluster.Cluster
	dir       string // of temporary files
	editor    string // this program, see Edit
	client    kubernetes.Interface
	objects   dynamic.Interface
	evaluator dynamic.Interface
	key       hold.Key
	recorder  *recorder
	watcher   *watcher
	node      node
	stop      context.CancelFunc
	running   chan error
}

// Open makes a cluster ready in which Holdfast is installed. Close undoes it.
func Open(ctx context.Context, c *cluster.Cluster) (*Stage, error) {
	ctx, stop := context.WithCancel(ctx)
	s := &Stage{cluster: c, stop: stop, running: make(chan error, 1)}
	if err := s.open(ctx); err != nil {
		stop()
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	go func() { s.running <- s.node.run(ctx) }()
	return s, nil
}

func (s *Stage) open(ctx context.Context) error {
	config, err := s.cluster.RESTConfig()
	if err != nil {
		return err
	}
	if err := s.connect(config); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "oracle-"); err != nil {
		return fmt.Errorf("make folder of the oracle: %w", err)
	}
	if s.editor, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program, which is the editor: %w", err)
	}
	for _, version := range []int{cluster.Helm3, cluster.Helm4} {
		if err := s.cluster.ProvideHelm(ctx, version, os.Stderr); err != nil {
			return err
		}
	}
	secret, err := s.client.CoreV1().Secrets("holdfast-system").Get(ctx, "holdfast-seal", metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read the key of held records: %w", err)
	}
	if s.key, err = hold.ParseKey(secret.Data["key"]); err != nil {
		return err
	}
	if err := s.node.register(ctx); err != nil {
		return err
	}
	if s.watcher, err = startWatcher(ctx, s.objects); err != nil {
		return err
	}
	if s.recorder, err = startRecorder(ctx, config); err != nil {
		return err
	}
	return s.writeKubeconfig()
}

func (s *Stage) connect(config *rest.Config) error {
	var err error
	if s.client, err = kubernetes.NewForConfig(config); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	s.node = node{s.client}
	if s.objects, err = dynamic.NewForConfig(config); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	as := rest.CopyConfig(config)
	as.Impersonate.UserName = Evaluator
	if s.evaluator, err = dynamic.NewForConfig(as); err != nil {
		return fmt.Errorf("connect as %s: %w", Evaluator, err)
	}
	return nil
}

// writeKubeconfig leads the clients to the recorder.
func (s *Stage) writeKubeconfig() error {
	config := clientcmdapi.NewConfig()
	config.Clusters["recorder"] = &clientcmdapi.Cluster{Server: s.recorder.url}
	config.Contexts["recorder"] = &clientcmdapi.Context{Cluster: "recorder"}
	config.CurrentContext = "recorder"
	if err := clientcmd.WriteToFile(*config, s.kubeconfig()); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}

func (s *Stage) kubeconfig() string { return filepath.Join(s.dir, "kubeconfig") }

// Close gives everything back but the namespaces, which their lanes remove, also when ctx is over.
func (s *Stage) Close(ctx context.Context) error {
	s.recorder.close()
	s.stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return errors.Join(<-s.running, s.node.remove(ctx), os.RemoveAll(s.dir))
}
