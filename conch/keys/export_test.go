package keys

var ParseCertificate = parseCertificate
