package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/tell"
	"holdfast.dev/holdfast/internal/plaintext"
)

// Message is what a receiver is told, and what templates see.
type Message struct {
	// ID is the same whenever the same thing is told again.
	ID string `json:"id"`
	// Time is when it happened.
	Time time.Time `json:"time"`
	// Cluster is what the file calls the cluster.
	Cluster    string `json:"cluster,omitempty"`
	Namespace  string `json:"namespace"`
	Deployment string `json:"deployment"`
	// Run is the name of the CanaryRun, "" where nothing was tried.
	Run string `json:"run,omitempty"`
	// Kind is the reason of the event, such as Reverted, and Reason one word more, such as Worse.
	Kind   string `json:"kind"`
	Reason string `json:"reason,omitempty"`
	// Severity is info or warning.
	Severity string `json:"severity"`
	// Text is the note of the event.
	Text string `json:"text"`
}

// about is the UID of the run or of the Deployment that a message is about.
func (m Message) about() string {
	uid, _, _ := strings.Cut(m.ID, "/")
	return uid
}

// The severities of messages.
const (
	severityInfo    = "info"
	severityWarning = "warning"
)

// sample is what templates are tried with.
var sample = Message{
	ID: "3b0c9e1e-0000-4000-8000-000000000000/7", Time: time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC), Cluster: "production",
	Namespace: "shop", Deployment: "web", Run: "web-5f6d7c8b9", Kind: "Reverted", Reason: "MetricOutOfRange", Severity: severityWarning,
	Text: "run web-5f6d7c8b9 rejected the update, the Deployment stays on its stable template: \"errors\" is 0.07",
}

// messageOf is what is told of a transition.
func messageOf(about tell.About, t lifecycle.Transition, now time.Time) Message {
	m := Message{Kind: string(t.Kind), Reason: t.Reason, Severity: severityInfo, Time: t.Time}
	if m.Time.IsZero() {
		m.Time = now
	}
	if about.Run != nil {
		m.Namespace, m.Deployment, m.Run = about.Run.Namespace, about.Run.Spec.Deployment, about.Run.Name
		m.ID = fmt.Sprintf("%s/%d", about.Run.UID, t.Number)
	} else {
		d := about.Deployment
		m.Namespace, m.Deployment = d.GetNamespace(), d.GetName()
		m.ID = fmt.Sprintf("%s/%s/%d", d.GetUID(), t.Kind, d.GetGeneration())
	}
	note, isWarning := tell.Sentence(about, t)
	if isWarning {
		m.Severity = severityWarning
	}
	m.Text = plaintext.Line(note, maxText)
	return m
}

// maxText is the longest text of a message, in bytes; that of an event is shorter.
const maxText = 2000

// render is the body for a webhook.
func (w *Webhook) render(m Message) ([]byte, error) {
	if w.body == nil {
		return json.Marshal(m)
	}
	var out bytes.Buffer
	if err := w.body.Execute(&out, m); err != nil {
		return nil, err
	}
	if out.Len() > maxBody {
		return nil, fmt.Errorf("the template makes %d bytes; %d is the most", out.Len(), maxBody)
	}
	return out.Bytes(), nil
}

// slackText is a message in Slack's own way of marking text up, with the three characters escaped that mean
// something there: a text of others mentions nobody and links to nothing.
func slackText(m Message) string {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	where := m.Namespace + "/" + m.Deployment
	if m.Cluster != "" {
		where = m.Cluster + " " + where
	}
	mark := ":white_circle:"
	if m.Severity == severityWarning {
		mark = ":large_orange_circle:"
	}
	return fmt.Sprintf("%s *%s* %s\n%s", mark, escape.Replace(m.Kind), escape.Replace(where), escape.Replace(m.Text))
}

// slackBody is the body for an incoming webhook of Slack, or for its chat.postMessage where a channel is
// named.
func slackBody(m Message, channel, thread string) ([]byte, error) {
	return json.Marshal(struct {
		Channel string `json:"channel,omitempty"`
		Thread  string `json:"thread_ts,omitempty"`
		Text    string `json:"text"`
		Unfurl  bool   `json:"unfurl_links"`
	}{channel, thread, slackText(m), false})
}

// alert is one of Alertmanager's API.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
}

// alertBody is the body for Alertmanager: one alert. Its labels name what it is about and not the message, so
// that the same told twice is one alert.
func (a *Alertmanager) alertBody(m Message) ([]byte, error) {
	labels := maps.Clone(a.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	for name, value := range map[string]string{
		"alertname": "Holdfast" + m.Kind, "severity": m.Severity, "cluster": m.Cluster, "namespace": m.Namespace, "deployment": m.Deployment,
		"run": m.Run, "reason": m.Reason,
	} {
		if value != "" {
			labels[name] = value
		}
	}
	return json.Marshal([]alert{{
		Labels: labels, Annotations: map[string]string{"summary": m.Namespace + "/" + m.Deployment + ": " + m.Kind, "description": m.Text},
		StartsAt: m.Time, EndsAt: m.Time.Add(a.Lasts.Duration),
	}})
}
