"""What MiniStack's CloudFormation leaves out, filled in, so that the template which is tested is the one that ships.

Not an emulator: every handler here only calls what MiniStack's own services do when they are asked by API.
The invariant: a property that our templates set either takes effect or fails the stack; none is dropped in silence, but
how slowly an alias moves.

| gap | as MiniStack 1.5.33 has it | here |
|---|---|---|
| `AWS::ApiGatewayV2::Deployment`, `RouteResponse` | unknown, the deploy is refused | made by its API Gateway |
| pseudo parameters in Conditions | never resolved, `!Equals [!Ref AWS::Region, x]` is always false | resolved |
| `AWS::SNS::Subscription` | `Region` ignored, a missing topic accepted | made where the topic is, or refused |
| `AWS::DynamoDB::GlobalTable` | `Replicas` and TTL ignored, never updated | replicas made and removed, one an update, as on AWS |
| `AWS::DynamoDB::Table` | TTL and point-in-time recovery ignored | set |
| `AWS::CloudWatch::CompositeAlarm` | unknown, the deploy is refused | made by its CloudWatch, which follows the alarms it names |
| `AWS::CloudWatch::Alarm` with `Metrics` | refused | kept under its first metric; the expression is never evaluated |
| `AWS::Route53::HealthCheck` | unknown, the deploy is refused | made by its Route 53, which only keeps it |
| `AWS::CodeDeploy::Application`, `DeploymentGroup` | unknown, the deploy is refused | looked through and forgotten: there is no CodeDeploy, so an alias moves at once whatever its `UpdatePolicy` says |
| a table whose name exists | replaced, with all that it held | refused, as on AWS |
"""

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import apigateway, cloudwatch, dynamodb, iam, route53, sns
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks


def fill():
    """Fills the gaps; to be called once, before MiniStack serves its first request."""
    known = provisioners._RESOURCE_HANDLERS
    known["AWS::ApiGatewayV2::Deployment"] = {"create": create_deployment, "delete": delete_deployment}
    known["AWS::ApiGatewayV2::RouteResponse"] = {"create": create_route_response, "delete": delete_route_response}
    known["AWS::SNS::Subscription"] = {
        "create": in_topics_region(provisioners._sns_sub_create),
        "update": update_subscription,
        "update_with_logical_id": True,
        "delete": delete_subscription,
    }
    known["AWS::DynamoDB::Table"] |= {
        "create": table_creator(known["AWS::DynamoDB::Table"]["create"], set_recovery),
        "update": table_updater(known["AWS::DynamoDB::Table"]["update"], set_recovery),
    }
    known["AWS::DynamoDB::GlobalTable"] |= {
        "create": table_creator(known["AWS::DynamoDB::GlobalTable"]["create"], set_replicas),
        "update": table_updater(known["AWS::DynamoDB::GlobalTable"]["update"], set_replicas_one_by_one),
        "delete": delete_global_table(known["AWS::DynamoDB::GlobalTable"]["delete"]),
    }
    known["AWS::CloudWatch::CompositeAlarm"] = {
        "create": create_composite_alarm,
        "update": update_composite_alarm,
        "delete": delete_composite_alarm,
    }
    known["AWS::Route53::HealthCheck"] = {"create": create_health_check, "delete": delete_health_check}
    known["AWS::CodeDeploy::Application"] = {"create": create_application, "delete": forget}
    known["AWS::CodeDeploy::DeploymentGroup"] = {"create": check_deployment_group, "delete": forget}
    keep_alarms_of_expressions()
    resolve_pseudo_parameters_in_conditions()


def done(what, answer):
    """The body of a service's answer; an error of the service fails the resource."""
    status, _headers, body = answer
    if status >= 400:
        raise ValueError(f"{what}: {body!r}")
    return body


# --- conditions ---


def resolve_pseudo_parameters_in_conditions():
    """Every module that imported the evaluator by name gets one that knows the pseudo parameters."""
    evaluate = engine._evaluate_conditions

    def with_pseudo_parameters(template, params):
        return evaluate(template, pseudo_parameters() | params)

    for module in (engine, stacks, handlers, changesets):
        module._evaluate_conditions = with_pseudo_parameters


def pseudo_parameters():
    values = {
        "AWS::Region": get_region(),
        "AWS::AccountId": get_account_id(),
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
    }
    return {name: {"Value": value} for name, value in values.items()}


# --- API Gateway ---


def create_deployment(_logical_id, props, _stack):
    api = props["ApiId"]
    before = set(apigateway._deployments.get(api, {}))
    done("CreateDeployment", apigateway._create_deployment(api, {"description": props.get("Description", "")}))
    (made,) = set(apigateway._deployments[api]) - before
    return made, {"DeploymentId": made}


def delete_deployment(physical_id, props):
    apigateway._deployments.get(props["ApiId"], {}).pop(physical_id, None)


def create_route_response(_logical_id, props, _stack):
    # A route's `Ref` is `{api}/{route}` in MiniStack where AWS gives the route alone.
    api, route = props["ApiId"], props["RouteId"].rpartition("/")[2]
    before = set(apigateway._route_responses.get(api, {}).get(route, {}))
    answer = apigateway._create_route_response(api, route, {"routeResponseKey": props["RouteResponseKey"]})
    done("CreateRouteResponse", answer)
    (made,) = set(apigateway._route_responses[api][route]) - before
    return made, {"RouteResponseId": made}


def delete_route_response(physical_id, props):
    route = props["RouteId"].rpartition("/")[2]
    apigateway._route_responses.get(props["ApiId"], {}).get(route, {}).pop(physical_id, None)


# --- CloudWatch ---


def create_composite_alarm(_logical_id, props, _stack):
    name = props["AlarmName"]
    done("PutCompositeAlarm", cloudwatch._put_composite_alarm({}, props, False, is_json=True))
    return name, {"Arn": f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}"}


def update_composite_alarm(physical_id, _old, new, stack):
    if new["AlarmName"] != physical_id:
        raise ValueError("a composite alarm was renamed: give it another logical id")
    return create_composite_alarm(None, new, stack)


def delete_composite_alarm(physical_id, _props):
    cloudwatch._composite_alarms.pop(physical_id, None)


def keep_alarms_of_expressions():
    """An alarm of metric math is kept as one of its first metric, so that it can be listed, set and followed."""
    record = provisioners._cw_metric_alarm_record

    def kept(name, props):
        metrics = [metric["MetricStat"] for metric in props.get("Metrics", []) if "MetricStat" in metric]
        if not metrics:
            return record(name, props)
        first = metrics[0]
        simple = {key: value for key, value in props.items() if key != "Metrics"}
        return record(name, {"Threshold": 0} | simple | first["Metric"] | {"Period": first["Period"]})

    provisioners._cw_metric_alarm_record = kept


# --- Route 53 ---


def create_health_check(logical_id, props, stack):
    """One that follows an alarm, which is the only kind our templates have."""
    config = props["HealthCheckConfig"]
    if config["Type"] != "CLOUDWATCH_METRIC" or config["AlarmIdentifier"]["Name"] not in cloudwatch._alarms:
        raise ValueError(f"InvalidInput: no alarm of one metric that a health check can follow: {config}")
    made = route53._hc_id()
    kept = {"id": made, "caller_reference": f"{stack}-{logical_id}-{made}", "config": config, "version": 1}
    route53._health_checks[made] = kept
    return made, {"HealthCheckId": made}


def delete_health_check(physical_id, _props):
    route53._health_checks.pop(physical_id, None)


# --- CodeDeploy ---


def create_application(_logical_id, props, _stack):
    return props["ApplicationName"], {}


def check_deployment_group(_logical_id, props, _stack):
    """Refused if it names what is not there; nothing ever asks it to deploy."""
    alarms = {alarm["Name"] for alarm in props["AlarmConfiguration"]["Alarms"]}
    if not all(name in cloudwatch._alarms for name in alarms):
        raise ValueError(f"InvalidAlarmConfig: not all of these alarms are there: {sorted(alarms)}")
    if props["ServiceRoleArn"].rpartition("/")[2] not in iam._roles:
        raise ValueError(f"InvalidRole: there is no role {props['ServiceRoleArn']}")
    return props["DeploymentGroupName"], {}


def forget(_physical_id, _props):
    pass


# --- SNS ---


def region_of(arn):
    return arn.split(":")[3]


def in_topics_region(create):
    """Creates the subscription where its topic is, which is what `Region` is for."""

    def created(logical_id, props, stack):
        topic = props["TopicArn"]
        asked = props.get("Region") or get_region()
        if asked != region_of(topic):
            raise ValueError(f"InvalidParameter: TopicArn {topic} is not in {asked}, where Subscribe is called")
        with request_scope(get_account_id(), asked):
            if topic not in sns._topics:
                raise ValueError(f"NotFound: Topic does not exist: {topic}")
            return create(logical_id, props, stack)

    return created


def update_subscription(physical_id, old, new, stack, logical_id=None):
    if region_of(old["TopicArn"]) != region_of(new["TopicArn"]):
        raise ValueError("a subscription's topic moved to another region: give it another logical id")
    with request_scope(get_account_id(), region_of(new["TopicArn"])):
        return provisioners._sns_sub_update(physical_id, old, new, stack, logical_id)


def delete_subscription(physical_id, props):
    with request_scope(get_account_id(), region_of(physical_id)):
        provisioners._sns_sub_delete(physical_id, props)


# --- DynamoDB ---


def table_creator(create, also):
    def created(logical_id, props, stack):
        name = props.get("TableName")
        if name and name in dynamodb._tables:
            raise ValueError(f"AlreadyExists: table {name} exists in {get_region()}")
        made = create(logical_id, props, stack)
        set_time_to_live(made[0], props)
        also(made[0], {}, props)
        return made

    return created


def table_updater(update, also):
    def updated(physical_id, old, new, stack, logical_id=None):
        # The handler of global tables takes no logical id.
        extra = () if update is provisioners._ddb_global_table_update else (logical_id,)
        made = update(physical_id, old, new, stack, *extra)
        if old.get("TimeToLiveSpecification") != new.get("TimeToLiveSpecification"):
            set_time_to_live(made[0], new)
        also(made[0], old, new)
        return made

    return updated


def set_time_to_live(name, props):
    wanted = props.get("TimeToLiveSpecification")
    if wanted:
        done("UpdateTimeToLive", dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": wanted}))


def set_recovery(name, _old, props):
    wanted = props.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled", False)
    data = {"TableName": name, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": wanted}}
    done("UpdateContinuousBackups", dynamodb._update_continuous_backups(data))


def replicas_of(props):
    return {replica["Region"]: replica for replica in props.get("Replicas", [])}


def set_replicas(name, old, new):
    """Makes and removes replicas until there are those of the template, then sets their recovery."""
    before, after = set(replicas_of(old)) or {get_region()}, set(replicas_of(new))
    if get_region() not in after:
        raise ValueError(f"the replicas of {name} must include the stack's own region {get_region()}")
    updates = [{"Create": {"RegionName": region}} for region in sorted(after - before)]
    updates += [{"Delete": {"RegionName": region}} for region in sorted(before - after)]
    if updates:
        done("UpdateTable", dynamodb._update_table({"TableName": name, "ReplicaUpdates": updates}))
    for region, replica in replicas_of(new).items():
        with request_scope(get_account_id(), region):
            set_recovery(name, None, replica)


def set_replicas_one_by_one(name, old, new):
    """As AWS has it: an update adds or removes at most one replica."""
    changed = set(replicas_of(old)) ^ set(replicas_of(new))
    if len(changed) > 1:
        raise ValueError(f"one replica may be added or removed in an update, not {sorted(changed)}")
    set_replicas(name, old, new)


def delete_global_table(delete):
    def deleted(physical_id, props):
        for region in set(replicas_of(props)) - {get_region()}:
            with request_scope(get_account_id(), region):
                delete(physical_id, props)
        delete(physical_id, props)

    return deleted
