// Package show says in text what the objects of Holdfast say: tables of runs, the view of one run with what
// comes next, the history of a Deployment.
//
// It is pure: objects and the time in, text out.
package show
