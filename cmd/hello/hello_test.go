package hello_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README shows these programs; what it shows is what is built.
func TestReadmeShowsTheseFiles(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for file, from := range map[string]string{
		"hello.go":       "package hello",
		"server/main.go": "func main() {",
		"client/main.go": "\tconn, err := client.Dial(",
	} {
		code, err := os.ReadFile(file)
		require.NoError(t, err)
		_, shown, found := strings.Cut(string(code), "\n"+from)
		require.True(t, found, file)
		if strings.HasPrefix(from, "\t") {
			shown = strings.TrimSuffix(shown, "}\n")
		}
		require.Contains(t, string(readme), "```go\n"+from+shown+"```", "the README does not show %s as it is", file)
	}
}
