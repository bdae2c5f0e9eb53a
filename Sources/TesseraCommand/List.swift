import ArgumentParser

/// `tessera list`: the cores that run on this machine.
struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the cores that run on this machine.")

    func run() async throws {
        let running = await RunningCores.find()
        if running.members.isEmpty { print("No SuperTokens instances running.") }
        for member in running.members {
            let core = member.instance
            let file = member.configuration.isEmpty ? "none" : member.configuration
            print("-> Instance PID: \(core.pid), address: \(core.host):\(core.port), config file loaded: \(file)")
        }
    }
}
