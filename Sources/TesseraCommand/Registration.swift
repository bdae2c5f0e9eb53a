import CoreConfiguration
import CoreServer
import Logging
import Synchronization

/// The `.started` file of this process, from listening until exit.
///
/// Without it the core serves all the same, and `tessera list` does not find it.
final class Registration: Sendable {
    private let configuration: OperatorConfiguration
    private let logger: Logger
    private let instance = Mutex<Instance?>(nil)

    init(configuration: OperatorConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Writes the `.started` file.
    func add(port: Int) {
        let instance = Instance(
            host: configuration.host, port: port, pid: configuration.settings.processID,
            basePath: configuration.settings.basePath.text)
        do {
            try StartedFiles().add(instance)
            self.instance.withLock { $0 = instance }
        } catch {
            logger.warning(
                "'tessera list' and 'tessera stop' will not find this core: its state folder cannot be written",
                metadata: ["folder": "\(Paths.stateFolder)", "error": "\(error)"])
        }
    }

    /// Takes it back.
    func remove() {
        if let instance = instance.withLock({ $0 }) { StartedFiles().remove(instance) }
    }
}
