import ArgumentParser

/// `tessera list`: the cores that run on this machine.
struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the cores that run on this machine.")

    func run() async throws {
        let fleet = await Fleet.find()
        if fleet.members.isEmpty { print("No SuperTokens instances running.") }
        for member in fleet.members {
            let core = member.instance
            let file = member.configuration.isEmpty ? "none" : member.configuration
            print("-> Instance PID: \(core.pid), address: \(core.host):\(core.port), config file loaded: \(file)")
        }
    }
}
