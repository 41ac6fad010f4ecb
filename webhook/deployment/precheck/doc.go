// Package precheck says what the answer to a dry-run update means for the
// template that is about to be held, and whether canary pods of a template
// could be told apart at all. It is pure.
package precheck
