//! TLS, SASL, tokens and authorisation.

use super::super::row::{ConfigKey, boolean, class, double, int, list, long, password, short, string};
use super::reasons::{JAVA, JAVA_TLS, KERBEROS, KINIT, OAUTH, SECURITY};

#[rustfmt::skip] // a row is two or three lines; one method a line would hide the table
pub(super) const KEYS: &[ConfigKey] = &[
    string("authorizer.class.name").default("").low()
        .waits(SECURITY, "The authoriser: Kafka's `StandardAuthorizer` by its class name, or none."),
    class("principal.builder.class")
        .default("org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder").per_broker()
        .meaningless(JAVA, "A Java class that makes principals."),
    string("security.providers").low()
        .meaningless(JAVA, "Java classes that provide cryptography."),
    password("delegation.token.secret.key")
        .waits(SECURITY, "The secret that delegation tokens are signed with; the same on every node."),
    long("delegation.token.max.lifetime.ms").default("604800000").at_least(1)
        .waits(SECURITY, "How long a delegation token may be renewed at most."),
    long("delegation.token.expiry.time.ms").default("86400000").at_least(1)
        .waits(SECURITY, "How long a delegation token is good for without being renewed."),
    long("delegation.token.expiry.check.interval.ms").default("3600000").at_least(1).low()
        .waits(SECURITY, "How often expired delegation tokens are looked for."),
    list("sasl.enabled.mechanisms").default("GSSAPI").per_broker()
        .waits(SECURITY, "The SASL mechanisms on offer."),
    string("sasl.mechanism.inter.broker.protocol").default("GSSAPI").per_broker()
        .waits(SECURITY, "The SASL mechanism between brokers."),
    password("sasl.jaas.config").per_broker()
        .waits(SECURITY, "Log-in modules and their options, in the notation of JAAS."),
    class("sasl.client.callback.handler.class")
        .meaningless(JAVA, "A Java class for the client's side of SASL."),
    class("sasl.server.callback.handler.class")
        .meaningless(JAVA, "A Java class for the server's side of SASL."),
    int("sasl.server.max.receive.size").default("524288")
        .waits(SECURITY, "How many bytes a SASL message of a client may have before it has logged in."),
    class("sasl.login.callback.handler.class")
        .meaningless(JAVA, "A Java class for SASL log-in."),
    class("sasl.login.class")
        .meaningless(JAVA, "A Java class for SASL log-in."),
    int("sasl.login.connect.timeout.ms").low()
        .waits(OAUTH, "How long a connection to the identity provider may take."),
    int("sasl.login.read.timeout.ms").low()
        .waits(OAUTH, "How long an answer of the identity provider may take."),
    short("sasl.login.refresh.buffer.seconds").default("300").per_broker()
        .waits(OAUTH, "How long before its end a credential is renewed at the latest."),
    short("sasl.login.refresh.min.period.seconds").default("60").per_broker()
        .waits(OAUTH, "How long a credential is used at least before it is renewed."),
    double("sasl.login.refresh.window.factor").default("0.8").per_broker()
        .waits(OAUTH, "At which part of its life a credential is renewed."),
    double("sasl.login.refresh.window.jitter").default("0.05").per_broker()
        .waits(OAUTH, "How much that moment varies at random."),
    long("sasl.login.retry.backoff.ms").default("100").low()
        .waits(OAUTH, "The first pause after the identity provider failed."),
    long("sasl.login.retry.backoff.max.ms").default("10000").low()
        .waits(OAUTH, "The longest pause after the identity provider failed."),
    string("sasl.kerberos.service.name").per_broker()
        .waits(KERBEROS, "The Kerberos name of the service."),
    string("sasl.kerberos.kinit.cmd").default("/usr/bin/kinit").per_broker()
        .meaningless(KINIT, "The path of kinit."),
    double("sasl.kerberos.ticket.renew.window.factor").default("0.8").per_broker()
        .waits(KERBEROS, "At which part of its life a ticket is renewed."),
    double("sasl.kerberos.ticket.renew.jitter").default("0.05").per_broker()
        .waits(KERBEROS, "How much that moment varies at random."),
    long("sasl.kerberos.min.time.before.relogin").default("60000").per_broker()
        .waits(KERBEROS, "How long to wait between two log-ins, in ms."),
    list("sasl.kerberos.principal.to.local.rules").default("DEFAULT").per_broker()
        .waits(KERBEROS, "Rules that turn Kerberos principals into short names."),
    boolean("sasl.oauthbearer.allow.unverified.audience").default("false")
        .waits(OAUTH, "Accept tokens whose audience is not checked."),
    boolean("sasl.oauthbearer.allow.unverified.issuer").default("false")
        .waits(OAUTH, "Accept tokens whose issuer is not checked."),
    string("sasl.oauthbearer.assertion.algorithm").default("RS256").one_of_any_case(&["ES256", "RS256"])
        .waits(OAUTH, "The algorithm that signs assertions to the identity provider."),
    string("sasl.oauthbearer.assertion.claim.aud")
        .waits(OAUTH, "The audience in assertions to the identity provider."),
    int("sasl.oauthbearer.assertion.claim.exp.seconds").default("300").between(0, 86400).low()
        .waits(OAUTH, "How long such an assertion is good for."),
    string("sasl.oauthbearer.assertion.claim.iss")
        .waits(OAUTH, "The issuer in assertions to the identity provider."),
    boolean("sasl.oauthbearer.assertion.claim.jti.include").default("false")
        .waits(OAUTH, "Whether an assertion carries an id of its own."),
    int("sasl.oauthbearer.assertion.claim.nbf.seconds").default("60").between(0, 3600).low()
        .waits(OAUTH, "How far before now an assertion begins to be good."),
    string("sasl.oauthbearer.assertion.claim.sub")
        .waits(OAUTH, "The subject in assertions to the identity provider."),
    string("sasl.oauthbearer.assertion.file")
        .waits(OAUTH, "A file that holds a finished assertion."),
    string("sasl.oauthbearer.assertion.private.key.file")
        .waits(OAUTH, "The key that signs assertions."),
    password("sasl.oauthbearer.assertion.private.key.passphrase")
        .waits(OAUTH, "What unlocks that key."),
    string("sasl.oauthbearer.assertion.template.file")
        .waits(OAUTH, "A file with the fixed part of assertions."),
    string("sasl.oauthbearer.client.credentials.client.id")
        .waits(OAUTH, "The client id for the client credentials grant."),
    password("sasl.oauthbearer.client.credentials.client.secret")
        .waits(OAUTH, "The secret for the client credentials grant."),
    int("sasl.oauthbearer.clock.skew.seconds").default("30").low()
        .waits(OAUTH, "How far the clocks of identity provider and broker may differ."),
    list("sasl.oauthbearer.expected.audience").default("").high()
        .waits(OAUTH, "The audiences that tokens must be for."),
    string("sasl.oauthbearer.expected.issuer").high()
        .waits(OAUTH, "The issuer that tokens must come from."),
    string("sasl.oauthbearer.jwks.endpoint.url")
        .waits(OAUTH, "Where the keys of the issuer are fetched."),
    long("sasl.oauthbearer.jwks.endpoint.refresh.ms").default("3600000").low()
        .waits(OAUTH, "How often the keys of the issuer are fetched."),
    long("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms").default("100").low()
        .waits(OAUTH, "The first pause after those keys could not be fetched."),
    long("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms").default("10000").low()
        .waits(OAUTH, "The longest pause after those keys could not be fetched."),
    class("sasl.oauthbearer.jwt.retriever.class")
        .default("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever")
        .meaningless(JAVA, "A Java class that gets tokens."),
    class("sasl.oauthbearer.jwt.validator.class")
        .default("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator")
        .meaningless(JAVA, "A Java class that checks tokens."),
    string("sasl.oauthbearer.scope")
        .waits(OAUTH, "The scope asked for."),
    string("sasl.oauthbearer.scope.claim.name").default("scope").low()
        .waits(OAUTH, "The claim that holds the scope."),
    string("sasl.oauthbearer.sub.claim.name").default("sub").low()
        .waits(OAUTH, "The claim that holds the user's name."),
    string("sasl.oauthbearer.token.endpoint.url")
        .waits(OAUTH, "Where tokens are fetched."),
    boolean("ssl.allow.dn.changes").default("false").low()
        .waits(SECURITY, "Let a new certificate have another name."),
    boolean("ssl.allow.san.changes").default("false").low()
        .waits(SECURITY, "Let a new certificate lose alternative names."),
    list("ssl.cipher.suites").default("").per_broker()
        .waits(SECURITY, "The cipher suites on offer; those of the TLS library when empty."),
    string("ssl.client.auth").default("none").one_of(&["required", "requested", "none"]).per_broker()
        .waits(SECURITY, "Whether clients must, may or need not show a certificate."),
    list("ssl.enabled.protocols").default("TLSv1.2,TLSv1.3").per_broker()
        .waits(SECURITY, "The TLS versions on offer."),
    string("ssl.endpoint.identification.algorithm").default("https").low().per_broker()
        .waits(SECURITY, "How a node checks the name in another one's certificate; empty for not at all."),
    class("ssl.engine.factory.class").low().per_broker()
        .meaningless(JAVA, "A Java class that makes TLS engines."),
    password("ssl.key.password").per_broker()
        .waits(SECURITY, "What unlocks the private key."),
    string("ssl.keymanager.algorithm").default("SunX509").per_broker()
        .meaningless(JAVA_TLS, "The algorithm of Java's key manager."),
    password("ssl.keystore.certificate.chain").per_broker()
        .waits(SECURITY, "The certificate chain as PEM text."),
    password("ssl.keystore.key").per_broker()
        .waits(SECURITY, "The private key as PEM text."),
    string("ssl.keystore.location").per_broker()
        .waits(SECURITY, "The file with private key and certificates."),
    password("ssl.keystore.password").per_broker()
        .waits(SECURITY, "What unlocks that file."),
    string("ssl.keystore.type").default("JKS").per_broker()
        .waits(SECURITY, "The format of that file: JKS, PKCS12 or PEM."),
    string("ssl.principal.mapping.rules").default("DEFAULT").low()
        .waits(SECURITY, "Rules that turn the name in a certificate into a principal."),
    string("ssl.protocol").default("TLSv1.3").per_broker()
        .waits(SECURITY, "The newest TLS version that a node itself asks for."),
    string("ssl.provider").per_broker()
        .meaningless(JAVA_TLS, "The name of Java's provider of TLS."),
    string("ssl.secure.random.implementation").low().per_broker()
        .meaningless(JAVA_TLS, "Java's source of random numbers for TLS."),
    string("ssl.trustmanager.algorithm").default("PKIX").per_broker()
        .meaningless(JAVA_TLS, "The algorithm of Java's trust manager."),
    password("ssl.truststore.certificates").per_broker()
        .waits(SECURITY, "The trusted certificates as PEM text."),
    string("ssl.truststore.location").per_broker()
        .waits(SECURITY, "The file with the trusted certificates."),
    password("ssl.truststore.password").per_broker()
        .waits(SECURITY, "What unlocks that file."),
    string("ssl.truststore.type").default("JKS").per_broker()
        .waits(SECURITY, "The format of that file: JKS, PKCS12 or PEM."),
];
