package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

// assets are the files of the page, which no build step makes.
//
//go:embed assets
var assets embed.FS

// served are the files that are, by their paths.
var served = []string{
	"index.html", "style.css", "icon.svg", "uplot/uPlot.iife.min.js", "uplot/uPlot.min.css",
	"app.js", "cards.js", "charts.js", "detail.js", "dom.js", "link.js", "press.js", "time.js",
}

// serveAssets serves them to everybody: they say nothing of any run. A browser asks anew each time whether it
// has them still, so that it never has scripts of one version and answers of another for long.
func serveAssets(mux *http.ServeMux) {
	for _, name := range served {
		data, err := fs.ReadFile(assets, path.Join("assets", name))
		if err != nil {
			panic(err) // a test reads all of them
		}
		sum := sha256.Sum256(data)
		tag, kind := `"`+hex.EncodeToString(sum[:12])+`"`, mime.TypeByExtension(path.Ext(name))
		if path.Ext(name) == ".js" {
			kind = "text/javascript; charset=utf-8" // whatever the machine's table says
		}
		route := "GET /" + name
		if name == "index.html" {
			route = "GET /{$}"
		}
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", tag)
			w.Header().Set("Cache-Control", "no-cache")
			if r.Header.Get("If-None-Match") == tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(data) // who does not hear has gone
		})
	}
}
