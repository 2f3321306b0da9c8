package transporttest

const inBrowser = true
