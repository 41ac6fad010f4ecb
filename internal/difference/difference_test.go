package difference

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"holdfast.dev/holdfast/internal/hold"
)

func template(t *testing.T, text string) hold.Template {
	t.Helper()
	var out hold.Template
	if err := utiljson.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestUnified(t *testing.T) {
	stable := template(t, `{"metadata":{"labels":{"app":"web"}},"spec":{"dnsPolicy":"ClusterFirst","containers":[{"name":"app","image":"app:v1","args":["a"]}]}}`)
	for name, tc := range map[string]struct {
		held        string
		annotations map[string]string
		beside      *hold.Beside
		want        string
	}{
		"an image": {
			held: `{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","image":"app:v2","args":["a"]}]}}`,
			want: `--- stable template
+++ held template (run web-a)
@@ -7,5 +7,5 @@
       containers:
       - args:
         - a
-        image: app:v1
+        image: app:v2
         name: app
`,
		},
		"defaults only": {held: `{"metadata":{"labels":{"app":"web"}},"spec":{"restartPolicy":"Always","containers":[{"name":"app","image":"app:v1","args":["a"]}]}}`},
		"what is held beside it, and text that a terminal obeys": {
			held:        `{"metadata":{"labels":{"app":"web"}},"spec":{"dnsPolicy":"ClusterFirst","containers":[{"name":"app","image":"app:v1","args":["a"]}]}}`,
			annotations: map[string]string{hold.ChangeCause: "one", "other": "x"},
			beside:      &hold.Beside{Keys: []string{hold.ChangeCause}, Annotations: map[string]string{hold.ChangeCause: "two \x1b[31m"}},
			want: `--- stable template
+++ held template (run web-a)
@@ -1,6 +1,6 @@
 metadata:
   annotations:
-    kubernetes.io/change-cause: one
+    kubernetes.io/change-cause: "two \e[31m"
 spec:
   template:
     metadata:
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Unified(OfRecord(tc.annotations, stable, hold.Record{Run: "web-a", Template: template(t, tc.held), Beside: tc.beside}))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
