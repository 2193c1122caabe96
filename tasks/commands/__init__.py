"""What `invoke` offers: arguments and their help; the work itself is in the modules beside this folder."""

from invoke.collection import Collection

from tasks.commands import clients, cloud, daily, db, keys, letters, module, openapi, project, stage, users

namespace = Collection(
    daily.run,
    daily.check,
    cloud.bootstrap,
    cloud.package,
    cloud.deploy,
    cloud.rollback,
    cloud.destroy,
    cloud.e2e,
    stage.shell,
    stage.doctor,
    stage=Collection(stage.create),
    test=Collection(daily.test, daily.try_generated_clients),
    openapi=Collection(openapi.export, openapi.diff, openapi.release, openapi.codegen),
    keys=Collection(keys.generate, keys.list_keys, keys.rotate, keys.revoke),
    users=Collection(
        users.create,
        users.list_users,
        users.disable,
        users.enable,
        users.reset_password,
        users.export,
        users.erase,
    ),
    clients=Collection(
        clients.create,
        clients.list_clients,
        clients.rotate,
        clients.suspend,
        clients.resume,
        clients.revoke,
    ),
    db=Collection(db.create, db.seed, db.export, db.load, db.check, db.migrate),
    letters=Collection(letters.list_letters, letters.resend),
    module=Collection(module.create),
    project=Collection(project.rename),
)
