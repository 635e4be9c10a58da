package keys_test

import (
	"testing"

	"github.com/hawser-go/hawser/conch/keys"
)

func BenchmarkSign(b *testing.B) {
	for _, name := range []string{"rsa", "ec256", "ed25519"} {
		b.Run("key="+name, func(b *testing.B) {
			k := goldenKey(b, name)
			algorithm := k.SupportedSignatureAlgorithms()[0]
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Sign([]byte(signedData), algorithm); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFromString(b *testing.B) {
	for _, name := range []string{"rsa", "ed25519"} {
		b.Run("key="+name, func(b *testing.B) {
			text := toString(b, goldenKey(b, name), keys.ToStringOptions{Subtype: keys.V1})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := keys.FromString(text, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
