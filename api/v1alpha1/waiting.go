package v1alpha1

// RejectionMessagePrefix begins the message of a Deployment's condition Progressing where that
// tells of a rejection instead of a rollout. The deployment controller's own messages begin with
// "ReplicaSet" or "Deployment".
const RejectionMessagePrefix = "canary run "
