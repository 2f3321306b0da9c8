//go:build !js

package transporttest

const inBrowser = false
