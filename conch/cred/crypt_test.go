package cred

import "testing"

// TestC_SERVER_20_Formats: hashes that the crypt(3) of a Linux system has made.
func TestC_SERVER_20_Formats(t *testing.T) {
	for _, s := range []string{
		"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$GmcwIgvdUC9qLWcKCi6gklUa1dM3ziD43YxYNURLKy0",
		"$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.",
		"$6$rounds=1000$abcdefgh$nhYjN017qxiYztzyUpZtPnUQcnLy62KsunSLHNeLahp2EHPlAKmFFlrjEwSXGo2kgY5hR2.peKEg2VGUqIJJu1",
		"$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.",
		"$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
		"$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
	} {
		h, err := parseHash(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if !h.matches("secret") || h.matches("Secret") || h.matches("") {
			t.Errorf("%s: wrong result", s)
		}
	}
	for _, s := range []string{
		"", "x", "*", "!", "!!", "!$6$abcdefgh$ltjgWl", "$6$abcdefgh$", "$7$CU..../....abcdefgh$XWs9HxtpA2.6U5CDBBbcW.h3o9pYlC.MIIb8JqMgZx6",
		"abNANd1rDfiNc", "$plaintext$secret", "$y$j9T$$", "$y$", "$2b$05$short", "$6$rounds=x$a$b", "$$$$",
	} {
		if _, err := parseHash(s); err == nil {
			t.Errorf("%q is a hash", s)
		}
	}
}
