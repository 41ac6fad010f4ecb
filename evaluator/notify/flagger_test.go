package notify

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"holdfast.dev/holdfast/evaluator/tell"
)

// The notifier of docs/how-to/gates.md posts what Flagger posts to webhooks of type event (CallEventWebhook
// of its v1.44.0).
func TestFlaggersEvents(t *testing.T) {
	page, err := os.ReadFile("../../docs/how-to/gates.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(notifiers:.*?)```").FindStringSubmatch(string(page))
	if block == nil {
		t.Fatal("the page has no notifiers")
	}
	f, mistakes := parse([]byte(block[1]), tell.Kinds())
	if len(mistakes) > 0 {
		t.Fatal(mistakes.ToAggregate())
	}
	message := sample
	message.Text = `a "text" of others` + "\n"
	body, err := f.Notifiers[0].Webhook.render(message)
	if err != nil {
		t.Fatal(err)
	}
	var payload struct {
		Name, Namespace, Phase, Checksum string
		Metadata                         map[string]string
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&payload); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	m := payload.Metadata
	if payload.Name != "web" || payload.Namespace != "shop" || payload.Phase != "Reverted" || m["eventMessage"] != message.Text || m["eventType"] != "Warning" || m["timestamp"] != "1773500966000" {
		t.Errorf("posted: %s", body)
	}
}
