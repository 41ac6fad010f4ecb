// Package view is what the page shows of runs: cards, charts and sentences. What the browser draws is
// computed here, and what it draws is said in words here too, so that one cannot say what the other does not.
//
// It is pure: objects and the time in, plain values for JSON out. All text of users is cut and freed of what
// hides in it; the browser sets it as text, never as HTML.
package view
