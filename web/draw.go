//go:build ignore

// Draw writes the app's icons: the sign of Parley, a speech bubble that is also a
// P, from one description as SVG and as PNG in the sizes that systems ask for.
//
//	go run draw.go
package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"
	"os"
)

// The sign on a grid of 64 by 64.
const (
	grid    = 64.0
	corner  = 18.0
	cx, cy  = 33.5, 29.5 // of the bubble and of the dot in it
	bubble  = 15.5
	dot     = 5.5
	stemX   = 18.0
	stemEnd = 50.0
	footX   = 26.4
	footY   = 43.3
)

var (
	petrol = color.NRGBA{0x0c, 0x68, 0x60, 0xff}
	white  = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	coral  = color.NRGBA{0xff, 0x8a, 0x66, 0xff}
	call   = color.NRGBA{0xc9, 0x3f, 0x21, 0xff}
	none   = color.NRGBA{}
)

// style is how one icon differs from another.
type style struct {
	round  bool    // rounded corners on nothing, or the ground to the edges
	scale  float64 // of the sign within the ground
	unread bool    // with a mark in the corner
	mono   bool    // the sign alone, for a system that colours it
}

func (s style) at(x, y float64) color.NRGBA {
	if s.unread {
		d := (x-51)*(x-51) + (y-13)*(y-13)
		switch {
		case d < 12*12:
			return call
		case d < 15*15:
			return none
		}
	}
	sx, sy := (x-grid/2)/s.scale+grid/2, (y-grid/2)/s.scale+grid/2
	inBubble := within(sx, sy, bubble) ||
		inside(sx, sy, [][2]float64{{stemX, cy}, {cx, cy}, {footX, footY}, {stemX, stemEnd}})
	switch {
	case within(sx, sy, dot) && s.mono:
		return none
	case within(sx, sy, dot):
		return coral
	case inBubble:
		return white
	case s.mono, s.round && outsideCorners(x, y):
		return none
	}
	return petrol
}

func within(x, y, r float64) bool { return (x-cx)*(x-cx)+(y-cy)*(y-cy) < r*r }

// inside reports whether a point is in a convex polygon whose corners go around
// clockwise on screen.
func inside(x, y float64, p [][2]float64) bool {
	for i := range p {
		a, b := p[i], p[(i+1)%len(p)]
		if (b[0]-a[0])*(y-a[1])-(b[1]-a[1])*(x-a[0]) < 0 {
			return false
		}
	}
	return true
}

func outsideCorners(x, y float64) bool {
	dx := max(corner-x, x-(grid-corner), 0)
	dy := max(corner-y, y-(grid-corner), 0)
	return dx*dx+dy*dy > corner*corner
}

func (s style) draw(file string, size int) error {
	const n = 8 // samples in each direction
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for py := range size {
		for px := range size {
			var r, g, b, a float64
			for i := range n * n {
				x := (float64(px) + (float64(i%n)+0.5)/n) * grid / float64(size)
				y := (float64(py) + (float64(i/n)+0.5)/n) * grid / float64(size)
				c := s.at(x, y)
				w := float64(c.A) / 255
				r, g, b, a = r+w*float64(c.R), g+w*float64(c.G), b+w*float64(c.B), a+w
			}
			if a > 0 {
				img.SetNRGBA(px, py, color.NRGBA{uint8(r/a + 0.5), uint8(g/a + 0.5), uint8(b/a + 0.5), uint8(255*a/(n*n) + 0.5)})
			}
		}
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, img); err != nil {
		return err
	}
	return f.Close()
}

func (s style) svg(file string) error {
	hex := func(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
	mark := ""
	if s.unread {
		mark = fmt.Sprintf(`<mask id="m"><rect width="64" height="64" fill="#fff"/><circle cx="51" cy="13" r="15"/></mask>`)
	}
	out := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">` + mark
	group := "<g>"
	if s.unread {
		group = `<g mask="url(#m)">`
	}
	out += group + fmt.Sprintf(`<rect width="64" height="64" rx="%g" fill="%s"/>`, corner, hex(petrol)) +
		fmt.Sprintf(`<path fill="%s" d="M%g %gL%g %gL%g %gL%g %gZ"/>`, hex(white), stemX, cy, cx, cy, footX, footY, stemX, stemEnd) +
		fmt.Sprintf(`<circle cx="%g" cy="%g" r="%g" fill="%s"/>`, cx, cy, bubble, hex(white)) +
		fmt.Sprintf(`<circle cx="%g" cy="%g" r="%g" fill="%s"/></g>`, cx, cy, dot, hex(coral))
	if s.unread {
		out += fmt.Sprintf(`<circle cx="51" cy="13" r="12" fill="%s"/>`, hex(call))
	}
	return os.WriteFile(file, []byte(out+"</svg>\n"), 0o644)
}

func main() {
	rounded, full := style{round: true, scale: 1}, style{scale: 1}
	for _, err := range []error{
		rounded.svg("icons/icon.svg"),
		style{round: true, scale: 1, unread: true}.svg("icons/icon-unread.svg"),
		rounded.draw("icons/icon-192.png", 192),
		rounded.draw("icons/icon-512.png", 512),
		rounded.draw("icons/favicon-32.png", 32),
		style{scale: 0.78}.draw("icons/maskable-512.png", 512),
		full.draw("icons/apple-touch-180.png", 180),
		style{scale: 1.25, mono: true}.draw("icons/badge-96.png", 96),
	} {
		if err != nil {
			log.Fatal(err)
		}
	}
}
