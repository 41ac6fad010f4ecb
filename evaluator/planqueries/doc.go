// Package planqueries asks the queries of CanaryPlans when they are written, and says in their status how
// they are answered: what parses here may be refused by the server, or find nothing, and people hear of it
// before an update is tried by the plan.
//
// They are asked as a round of a run asks them, of the pods that a Deployment with the plan has now, as if
// these were a canary's. So what they find is what they will find.
package planqueries
