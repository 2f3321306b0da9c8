package ui

import "github.com/maxence-charriere/go-app/v10/pkg/app"

// Icon is the drawing inside an icon: SVG shapes on a 24 by 24 grid, stroked in
// the colour of the text around.
type Icon string

// The icons of the product, drawn on one grid with one line width.
const (
	IconSend    Icon = `<path d="M4.5 12 3.4 5.3c-.1-.7.6-1.3 1.3-1L20.3 11.1c.8.4.8 1.5 0 1.8L4.7 19.7c-.7.3-1.4-.3-1.3-1L4.5 12Zm0 0h7"/>`
	IconPlus    Icon = `<path d="M12 5v14M5 12h14"/>`
	IconBack    Icon = `<path d="M15 5l-7 7 7 7"/>`
	IconClose   Icon = `<path d="M6 6l12 12M18 6 6 18"/>`
	IconDown    Icon = `<path d="M12 5v14M6 13l6 6 6-6"/>`
	IconPeople  Icon = `<circle cx="9" cy="8.5" r="3.5"/><path d="M2.5 19.5c.6-3.5 3.2-5.5 6.5-5.5s5.9 2 6.5 5.5M15.5 5.3a3.5 3.5 0 0 1 0 6.4M18 14.6c1.9.8 3.1 2.5 3.5 4.9"/>`
	IconGear    Icon = `<path d="M4 7.5h8M17.5 7.5H20M4 16.5h2.5M12 16.5h8"/><circle cx="14.75" cy="7.5" r="2.75"/><circle cx="9.25" cy="16.5" r="2.75"/>`
	IconSearch  Icon = `<circle cx="10.5" cy="10.5" r="6"/><path d="m15 15 5 5"/>`
	IconRetry   Icon = `<path d="M4.5 12a7.5 7.5 0 1 1 2.3 5.4M4.5 18v-4.3h4.3"/>`
	IconTrash   Icon = `<path d="M4.5 6.5h15M9.5 6V4.5h5V6M6.5 6.5l.8 12a1.5 1.5 0 0 0 1.5 1.4h6.4a1.5 1.5 0 0 0 1.5-1.4l.8-12"/>`
	IconCloud   Icon = `<path d="M7 18.5a4.2 4.2 0 0 1-.5-8.4 5.7 5.7 0 0 1 10.9 1.2 3.7 3.7 0 0 1-.4 7.2H7Z"/><path d="M3.5 3.5l17 17"/>`
	IconSpark   Icon = `<path d="M12 3.5c.6 4.7 3.8 7.9 8.5 8.5-4.7.6-7.9 3.8-8.5 8.5-.6-4.7-3.8-7.9-8.5-8.5 4.7-.6 7.9-3.8 8.5-8.5Z"/>`
	IconAlert   Icon = `<path d="M12 8.5v4.5M12 16.3v.2M10.5 4.4 2.9 17.3a1.7 1.7 0 0 0 1.5 2.6h15.2a1.7 1.7 0 0 0 1.5-2.6L13.5 4.4a1.7 1.7 0 0 0-3 0Z"/>`
	IconCheck   Icon = `<path d="m5 12.5 4.5 4.5L19 7.5"/>`
	IconLeave   Icon = `<path d="M14 4.5H6.5a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2H14M10 12h10.5M17 8.5l3.5 3.5-3.5 3.5"/>`
	IconLink    Icon = `<path d="M10 14a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3.1 3.1a4 4 0 0 0 5.7 5.7l1-1"/>`
	IconKeys    Icon = `<rect x="2.5" y="6" width="19" height="12" rx="2.5"/><path d="M6.5 10h.01M10 10h.01M13.5 10h.01M17.5 10h.01M8 14h8"/>`
	IconInstall Icon = `<path d="M12 4v10M8 10.5l4 4 4-4M4.5 15.5v2.5a1.5 1.5 0 0 0 1.5 1.5h12a1.5 1.5 0 0 0 1.5-1.5v-2.5"/>`
)

// UI draws the icon. It is decoration: what it means is said by its button.
func (i Icon) UI() app.UI {
	return app.Raw(`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">` + string(i) + `</svg>`)
}

// Mark draws the product's sign: a speech bubble that is also a P.
func Mark() app.UI {
	return app.Raw(`<svg class="mark" viewBox="0 0 64 64" aria-hidden="true" focusable="false"><rect class="mark-ground" width="64" height="64" rx="18"/><path class="mark-bubble" d="M18 50V29.5C18 20.9 24.9 14 33.5 14S49 20.9 49 29.5 42.1 45 33.5 45c-2.6 0-5-.6-7.1-1.7L18 50Z"/><circle class="mark-dot" cx="33.5" cy="29.5" r="5.5"/></svg>`)
}
