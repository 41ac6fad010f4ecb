package evaluatortest

import (
	"strconv"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

// Hold is what the webhook does with the update to an image.
func (c *Cluster) Hold() {
	c.T.Helper()
	c.AnnotateDeployment(map[string]string{v1alpha1.HeldAnnotation: c.Record()})
}

// Record is the held record of the update that Hold holds.
func (c *Cluster) Record() string {
	c.T.Helper()
	encoded, err := Key.Seal(c.record(HoldID, "v2"))
	c.Must(err)
	return encoded
}

// HoldAnother holds a newer update in place of the first.
func (c *Cluster) HoldAnother() {
	c.T.Helper()
	c.hold(c.record("hold-2", "v3"))
}

// HoldBehind has a newer update wait behind the one that is held.
func (c *Cluster) HoldBehind() {
	c.T.Helper()
	d := c.Deployment()
	held, err := Key.Open(d.Annotations[v1alpha1.HeldAnnotation], d.UID)
	c.Must(err)
	next := c.record("hold-2", "v3")
	held.Next = &next
	c.hold(held)
}

// HoldNext holds one update after the other, of templates that only have to differ.
func (c *Cluster) HoldNext(number int) {
	c.T.Helper()
	suffix := "-" + strconv.Itoa(number)
	record := c.record("hold"+suffix, "v2")
	record.Run, record.Hash = "web-run"+suffix, record.Hash+hold.Hash(suffix)
	c.hold(record)
	c.Passes(2)
}

// record is that of the hold of an image.
func (c *Cluster) record(id, tag string) hold.Record {
	c.T.Helper()
	hash := HashOf(c.T, tag)
	return hold.Record{
		ID: id, Run: v1alpha1.RunName("web", string(hash), 1), Hash: hash, UID: c.Deployment().UID,
		HeldAt: Noon, Origin: hold.OriginTemplate, Template: Template(c.T, tag),
	}
}

// hold puts a record on the Deployment.
func (c *Cluster) hold(record hold.Record) {
	c.T.Helper()
	encoded, err := Key.Seal(record)
	c.Must(err)
	c.AnnotateDeployment(map[string]string{v1alpha1.HeldAnnotation: encoded})
}
