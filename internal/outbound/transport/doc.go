// Package transport makes the connections to what package outbound describes.
package transport
