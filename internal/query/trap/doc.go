// Package trap finds what is right in a plan and likely not meant: nobody is refused for it,
// and who writes the plan is warned. A trap has a place in the query; a doubt is about an
// amount beside it, such as a range that holds all values which the query can have.
package trap
