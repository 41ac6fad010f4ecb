package notify

import (
	"path"
	"slices"
	"strings"
	"text/template"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/internal/outbound"
)

// Notifier is a receiver, and what it is told.
type Notifier struct {
	// Name is what logs and metrics call it by.
	Name string `json:"name"`
	// Namespaces are those of whose Deployments it is told: names, or patterns such as team-*. Without any, of
	// all.
	Namespaces []string `json:"namespaces,omitempty"`
	// Kinds are the reasons of events that it is told of, or patterns of them such as Rollout*. Without any they
	// are DefaultKinds; "*" is all.
	Kinds []string `json:"kinds,omitempty"`
	// Slack, Webhook and Alertmanager are what it can be, one of them.
	Slack        *Slack        `json:"slack,omitempty"`
	Webhook      *Webhook      `json:"webhook,omitempty"`
	Alertmanager *Alertmanager `json:"alertmanager,omitempty"`
	// Timeout is for one request; 10s.
	Timeout metav1.Duration `json:"timeout,omitempty,omitzero"`
}

// Slack is a channel of Slack, or of what takes Slack's messages, as Mattermost and Rocket.Chat do.
type Slack struct {
	// WebhookFile has the URL of an incoming webhook, which is a secret.
	WebhookFile string `json:"webhookFile,omitempty"`
	// TokenFile has the token of a bot that may write (chat:write) into Channel. Then each run has a thread.
	TokenFile string `json:"tokenFile,omitempty"`
	Channel   string `json:"channel,omitempty"`
	// URL is where the API of Slack is; https://slack.com/api. It is for the bot.
	URL string `json:"url,omitempty"`
}

// Webhook is a server that takes a POST with a Message as JSON, or with what a template makes of it.
type Webhook struct {
	outbound.Target `json:",inline"`
	// URLFile has the URL where that is a secret.
	URLFile string `json:"urlFile,omitempty"`
	// Template makes the body from a Message: a template of Go with the function json, such as
	// {"text": {{ json .Text }}}.
	Template string `json:"template,omitempty"`
	// ContentType is that of the body; application/json.
	ContentType string `json:"contentType,omitempty"`

	body *template.Template
}

// Alertmanager takes each message as an alert that ends by itself.
type Alertmanager struct {
	// Target is where it is; the URL is what stands before /api/v2/alerts.
	outbound.Target `json:",inline"`
	// Labels are added to each alert.
	Labels map[string]string `json:"labels,omitempty"`
	// Lasts is how long an alert fires; 15m.
	Lasts metav1.Duration `json:"lasts,omitempty,omitzero"`
}

// DefaultKinds are what people want to hear of who have said nothing: how runs end, what waits for a person,
// and what got past Holdfast.
var DefaultKinds = []string{
	"Released", "Promoted", "Reverted", "Frozen", "Inconclusive", "Unguarded", "ReleaseRefused", "RolloutStuck",
	"PlanInvalid", "PlanNotFound", "StartAtInvalid", "UngatedUpdate", "Skipped", "RecordUnreadable", "RunNotCreated",
}

const (
	defaultTimeout = 10 * time.Second
	defaultLasts   = 15 * time.Minute
	slackAPI       = "https://slack.com/api"
)

// setDefaults fills in what is not said.
func (n *Notifier) setDefaults() {
	if len(n.Kinds) == 0 {
		n.Kinds = DefaultKinds
	}
	if n.Timeout.Duration == 0 {
		n.Timeout.Duration = defaultTimeout
	}
	if n.Slack != nil && n.Slack.URL == "" {
		n.Slack.URL = slackAPI
	}
	if n.Webhook != nil && n.Webhook.ContentType == "" {
		n.Webhook.ContentType = "application/json"
	}
	if n.Alertmanager != nil && n.Alertmanager.Lasts.Duration == 0 {
		n.Alertmanager.Lasts.Duration = defaultLasts
	}
}

// wants says whether the receiver is told of a message.
func (n *Notifier) wants(m Message) bool {
	return (len(n.Namespaces) == 0 || anyMatches(n.Namespaces, m.Namespace)) && anyMatches(n.Kinds, m.Kind)
}

func anyMatches(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, text)
		return ok && err == nil
	})
}

// files are those that the notifier reads when it is made; the others are read for each message.
func (n *Notifier) files() []string {
	switch {
	case n.Webhook != nil:
		return n.Webhook.TLS.Files()
	case n.Alertmanager != nil:
		return n.Alertmanager.TLS.Files()
	}
	return nil
}

// knownKind says whether a pattern is for any of the kinds that there are.
func knownKind(pattern string, kinds []string) bool {
	if _, err := path.Match(pattern, ""); err != nil {
		return false
	}
	return slices.ContainsFunc(kinds, func(kind string) bool { return anyMatches([]string{pattern}, kind) })
}

// nearest are the kinds that look like what was written, some at most.
func nearest(written string, kinds []string) string {
	var like []string
	for _, kind := range kinds {
		if len(written) > 3 && strings.Contains(strings.ToLower(kind), strings.ToLower(written[:4])) {
			like = append(like, kind)
		}
	}
	if len(like) == 0 {
		like = DefaultKinds
	}
	return strings.Join(like[:min(len(like), 5)], ", ")
}
