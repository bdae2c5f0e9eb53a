import CoreConfiguration
import CoreServer
import Logging
import ServiceLifecycle
import SessionEngine
import SessionStorage

/// The admin page of a core in this process.
struct AnsweredAdminPage: Sendable {
    /// What answers it; a new configuration is given to it.
    let api: AdminAPI
    /// Where it is, for the operator.
    let place: String
    let services: [any Service]

    /// Begins to answer where the configuration says.
    ///
    /// - Returns: `nil` where it says nothing.
    /// - Throws: ``Failure`` for an address that cannot be listened on.
    static func open(
        _ api: CoreAPI, _ apps: AppRegistry, _ storage: CoreStorage, _ configuration: OperatorConfiguration,
        _ logger: Logger
    ) async throws -> AnsweredAdminPage? {
        guard let address = configuration.admin else { return nil }
        let facts = AdminAPI.Facts(
            version: Tessera.version, storage: storage.address, isShared: storage.isShared)
        let admin = AdminAPI(
            api, apps: apps, keyStore: { storage.keys(of: $0, logger: logger) }, facts: facts,
            settings: configuration.adminSettings)
        do {
            let server = try await AdminServer(admin, host: address.host, port: address.port)
            let place = "\(server.address) (\(configuration.adminSettings.isWritable ? "with changes" : "read-only"))"
            return AnsweredAdminPage(api: admin, place: place, services: [server])
        } catch let error as ListenError {
            throw Failure("admin_listen: \(error) Set 'admin_listen' to a free address, or to off.")
        }
    }
}
