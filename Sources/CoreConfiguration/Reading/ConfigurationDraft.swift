import CoreServer
import SessionEngine
import SessionService
import SessionStorage

/// What the keys set, one property for each, before rules that concern several are looked at.
///
/// A default is stated once: here, or in the type that has the property.
struct ConfigurationDraft: Sendable {
    var host = "127.0.0.1"
    var port = 3567
    var idleTimeout = 75
    var metrics: ListenAddress? = .standard
    var admin: ListenAddress?
    var adminSettings = AdminSettings()
    var tracing: TraceDestination?
    var traceSampleRatio = 1.0
    var otelCollector: String?
    var dataDirectory: String?
    var policy = SessionPolicy()
    var policyKeys = PolicyKeys()
    var settings = CoreSettings()
    var log = LogSettings()
    var rsaProvider = RSAProvider.automatic
    var writesAudit = true
    var audit = AuditRetention()
    var allowedPeers: String?
    var deniedPeers: String?
    var newestVersion: String?
    var legacyNewestVersion: String?
    var oldestVersion: String?
    var database = DatabaseKeys()
    var signer: String?
    var signerTimeout = 1.0
    var keyEncryptionKey: String?
    var keyEncryptionKeyFile: String?
    var keyEncryptionKeyCommand: String?
    var eventStreamsFile: String?
}

/// What the keys of the database set.
struct DatabaseKeys: Sendable {
    var uri: String?
    var host: String?
    var port: Int?
    var user: String?
    var password: String?
    var name: String?
    var attributes: String?
    var schema = "public"
    var prefix = ""
    var valueTable: String?
    var sessionTable: String?
    var poolSize: Int?
    var groupLimit: Int?
    var migrates = true
}
