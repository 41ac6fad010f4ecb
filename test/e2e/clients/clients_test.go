package clients

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// shape is what somebody asks of a Deployment: few fields, so that every client
// can ask for each of them.
type shape struct {
	version string
	env     []string // names of variables
	label   string   // of the Deployment, not of its template
}

// kind is a way to change Deployments.
type kind struct {
	name string
	// make brings a Deployment into being; nil means kubectl apply.
	make func(s *shop.Shop, name string, is shape) string
	// ask sends what is wanted. was is what the client asked for before: those
	// that send a change and no manifest need it. It returns what users read.
	ask func(s *shop.Shop, name string, was, is shape) string
	// changes: it sends changes, so it cannot ask for what the object in the
	// cluster says already.
	changes bool
}

// marks: it sends a whole text, which leaves a mark though nothing is asked for: the time of its
// writing, or an annotation of Holdfast's in what kubectl remembers as applied.
func (k kind) marks() bool {
	return k.name == "kubectl replace" || strings.HasPrefix(k.name, "kubectl get")
}

var kinds = []kind{
	{name: "kubectl apply", ask: func(s *shop.Shop, name string, _, is shape) string {
		return s.Must("apply", "-f", "-", is.manifest(name))
	}},
	{name: "kubectl apply --server-side", make: applyServerSide("kubectl"), ask: func(s *shop.Shop, name string, _, is shape) string {
		return applyServerSide("kubectl")(s, name, is)
	}},
	{name: "server-side apply by a controller", make: applyServerSide("kustomize-controller"), ask: func(s *shop.Shop, name string, _, is shape) string {
		return applyServerSide("kustomize-controller")(s, name, is)
	}},
	{name: "Helm 3", make: helm(cluster.Helm3, "install"), ask: func(s *shop.Shop, name string, _, is shape) string {
		return helm(cluster.Helm3, "upgrade")(s, name, is)
	}},
	{name: "Helm 4", make: helm(cluster.Helm4, "install"), ask: func(s *shop.Shop, name string, _, is shape) string {
		return helm(cluster.Helm4, "upgrade")(s, name, is)
	}},
	{name: "kubectl replace", ask: replace},
	{name: "kubectl set", changes: true, ask: func(s *shop.Shop, name string, was, is shape) string {
		said := s.Must("set", "image", "deployment/"+name, "app="+is.image())
		said += s.Must(append([]string{"set", "env", "deployment/" + name}, envChange(was, is)...)...)
		return said + s.Must("label", "deployment", name, "--overwrite", "note="+is.label)
	}},
	{name: "kubectl patch", changes: true, ask: func(s *shop.Shop, name string, was, is shape) string {
		return s.Must("patch", "deployment", name, "--type=strategic", "-p", string(strategicPatch(was, is)))
	}},
	{name: "a program that reads, changes and updates", changes: true, ask: readChangeUpdate},
	{name: "kubectl get and replace", changes: true, ask: reread("replace")},
	{name: "kubectl get and apply", changes: true, ask: reread("apply")},
}

// manifest is the whole of it.
func (is shape) manifest(name string) string {
	env := ""
	for _, variable := range is.env {
		env += fmt.Sprintf("{name: %s, value: x}, ", variable)
	}
	if env != "" {
		env = "env: [" + strings.TrimSuffix(env, ", ") + "]"
	}
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, labels: {note: %[2]s}}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: app
        image: %[3]s
        %[4]s
`, name, is.label, is.image(), env)
}

func (is shape) image() string { return "holdfast.test/app:" + is.version }

func (is shape) String() string { return strings.Join(append([]string{is.version}, is.env...), " ") }

func applyServerSide(manager string) func(*shop.Shop, string, shape) string {
	return func(s *shop.Shop, name string, is shape) string {
		return s.Must("apply", "--server-side", "--field-manager="+manager, "-f", "-", is.manifest(name))
	}
}

// reread reads a Deployment, changes the text as people do in an editor, and sends
// it back: to apply it, without what only servers write.
func reread(verb string) func(*shop.Shop, string, shape, shape) string {
	return func(s *shop.Shop, name string, was, is shape) string {
		s.T.Helper()
		awaitSeen(s, name)
		var text map[string]any
		if err := yaml.Unmarshal([]byte(s.Must("get", "deployment", name, "-o", "yaml")), &text); err != nil {
			s.T.Fatal(err)
		}
		var d appsv1.Deployment
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(text, &d); err != nil {
			s.T.Fatal(err)
		}
		if verb == "apply" {
			d.ObjectMeta = metav1.ObjectMeta{Name: d.Name, Namespace: d.Namespace, Labels: d.Labels, Annotations: d.Annotations}
			d.Status = appsv1.DeploymentStatus{}
			delete(d.Annotations, "deployment.kubernetes.io/revision")
		}
		d.ResourceVersion = "" // what controllers write between the two is a conflict, as without Holdfast
		container := &d.Spec.Template.Spec.Containers[0]
		container.Image = is.image()
		setEnv(container, was, is)
		d.Labels["note"] = is.label
		return s.Must(verb, "-f", "-", "\n"+string(shop.Encode(&d)))
	}
}

// replace waits for the controllers to have answered what was asked before:
// kubectl replace reads and then writes, and a write between the two is a
// conflict, as without Holdfast.
func replace(s *shop.Shop, name string, _, is shape) string {
	s.T.Helper()
	awaitSeen(s, name)
	return s.Must("replace", "-f", "-", is.manifest(name))
}

func awaitSeen(s *shop.Shop, name string) {
	s.T.Helper()
	shop.Await(s, "the controllers have seen "+name, name, &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Status.ObservedGeneration >= d.Generation && d.Annotations[v1alpha1.StableAnnotation] != "" &&
			(d.Annotations[v1alpha1.FailedAnnotation] != "" || slices.ContainsFunc(d.Status.Conditions, func(c appsv1.DeploymentCondition) bool {
				return c.Type == appsv1.DeploymentProgressing && c.Reason == "NewReplicaSetAvailable" // the last that is written of a rollout
			}))
	})
}

// envChange are the arguments of kubectl set env.
func envChange(was, is shape) []string {
	args := []string{}
	for _, variable := range is.env {
		args = append(args, variable+"=x")
	}
	for _, variable := range was.env {
		if !contains(is.env, variable) {
			args = append(args, variable+"-")
		}
	}
	if len(args) == 0 {
		args = append(args, "NONE-")
	}
	return args
}

func contains(list []string, one string) bool {
	for _, s := range list {
		if s == one {
			return true
		}
	}
	return false
}

func strategicPatch(was, is shape) []byte {
	env := []any{}
	for _, variable := range is.env {
		env = append(env, map[string]any{"name": variable, "value": "x"})
	}
	for _, variable := range was.env {
		if !contains(is.env, variable) {
			env = append(env, map[string]any{"name": variable, "$patch": "delete"})
		}
	}
	container := map[string]any{"name": "app", "image": is.image(), "env": env}
	return shop.Encode(map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"note": is.label}},
		"spec":     map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{container}}}},
	})
}

// readChangeUpdate is what controllers and the clients of most languages do.
func readChangeUpdate(s *shop.Shop, name string, was, is shape) string {
	s.T.Helper()
	var said warnings
	config, err := shop.World.Cluster.RESTConfig()
	if err != nil {
		s.T.Fatal(err)
	}
	config.WarningHandler = &said
	c, err := client.New(config, client.Options{Scheme: shop.World.Client.Scheme()})
	if err != nil {
		s.T.Fatal(err)
	}
	// Controllers write too, so such programs try again on a conflict.
	if err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		d := &appsv1.Deployment{}
		if err := c.Get(s.T.Context(), types.NamespacedName{Namespace: s.Namespace, Name: name}, d); err != nil {
			return err
		}
		container := &d.Spec.Template.Spec.Containers[0]
		container.Image = is.image()
		setEnv(container, was, is)
		d.Labels["note"] = is.label
		return c.Update(s.T.Context(), d, client.FieldOwner("some-controller"))
	}); err != nil {
		s.T.Fatal(err)
	}
	return strings.Join(said, "\n")
}
